{{ config(
    pre_hook="{{ delete_touched('message_date', ref('stg_telegram_messages'), 'message_date', key='message_pk') }}",
    indexes=[
        {'columns': ['message_pk', 'observed_at']},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

posts as (
    select
        message_pk,
        channel_username,
        message_id,
        message_date,
        message_timestamp_utc
    from {{ ref('stg_telegram_messages') }}
    {% if is_incremental() %}
    where (channel_username, message_date) in ({{ touched_slices() }})
    {% endif %}
),

readings as (
    select * from {{ ref('stg_message_observations') }}
    {% if is_incremental() %}
    where (channel_username, message_date) in ({{ touched_slices() }})
    {% endif %}
),

observations as (
    select
        readings.message_observation_key,
        posts.message_pk,
        {{ surrogate_key(['readings.channel_username']) }} as channel_pk,
        {{ date_key('readings.message_date') }} as date_pk,
        readings.channel_username,
        readings.message_id,

        readings.is_present,
        readings.views_count,
        readings.forwards_count,
        readings.replies_count,
        readings.reactions_count,
        -- Readings without a counter are a row of their own kind: neither has nor is a reading before.
        readings.views_count - lag(readings.views_count) over earlier_counts as views_change,
        (extract(epoch from readings.observed_at - posts.message_timestamp_utc) / 3600)::numeric(12, 2) as age_hours,

        readings.message_date,
        posts.message_timestamp_utc,
        case
            when readings.views_count is not null then lag(readings.observed_at) over earlier_counts
        end as previous_observed_at,
        readings.observed_at
    from readings
    inner join posts
        on
            readings.channel_username = posts.channel_username
            and readings.message_id = posts.message_id
            and readings.message_date = posts.message_date
    window earlier_counts as (
        partition by readings.channel_username, readings.message_id, readings.views_count is null
        order by readings.observed_at
    )
)

select * from observations
