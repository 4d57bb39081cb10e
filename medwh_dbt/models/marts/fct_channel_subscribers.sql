{{ config(
    pre_hook="{{ delete_touched_channels() }}",
    indexes=[{'columns': ['channel_username', 'observed_at'], 'unique': true}],
) }}

with

-- A read's change depends on the read before it, so every touched channel is made anew.
observations as (
    select
        channel_observation_key,
        channel_username,
        subscribers_count,
        observed_date,
        observed_at
    from {{ ref('stg_channel_facts') }}
    where
        subscribers_count is not null
        {% if is_incremental() %}
        and channel_username in (select slices.channel_username from ({{ touched_slices() }}) as slices)
        {% endif %}
),

channels as (
    select
        channel_pk,
        channel_username
    from {{ ref('dim_channels') }}
),

subscribers as (
    select
        observations.channel_observation_key,
        channels.channel_pk,
        observations.channel_username,
        observations.subscribers_count,
        observations.subscribers_count
        - lag(observations.subscribers_count) over (
            partition by observations.channel_username
            order by observations.observed_at
        ) as subscribers_change,
        observations.observed_date,
        observations.observed_at
    from observations
    inner join channels on observations.channel_username = channels.channel_username
)

select * from subscribers
