{{ config(
    pre_hook=[
        "{{ delete_touched('message_date', ref('stg_telegram_messages'), 'message_date', key='message_pk') }}",
        "{{ note_touched_rows(ref('stg_message_observations'), 'message_date') }}",
    ],
    indexes=[
        {'columns': ['message_pk', 'observed_at']},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

-- Not narrowed to touched slices as well: few readings find their posts by the key.
posts as (
    select
        message_pk,
        message_date,
        message_timestamp_utc
    from {{ ref('stg_telegram_messages') }}
),

readings as (
    select * from {% if is_incremental() %} touched_rows {% else %} {{ ref('stg_message_observations') }} {% endif %}
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
            readings.message_pk = posts.message_pk
            and readings.message_date = posts.message_date
    window earlier_counts as (
        partition by readings.channel_username, readings.message_id, readings.views_count is null
        order by readings.observed_at
    )
)

select * from observations
