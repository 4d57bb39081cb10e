-- Not stored: one model reads it, once a build.
{{ config(materialized='view') }}

with

source as (
    select
        channel_username,
        message_id,
        message_date,
        message_data -> 'observations' as observations
    from {{ source('raw', 'telegram_messages') }}
),

elements as (
    select
        source.channel_username,
        source.message_id,
        source.message_date,
        elements.reading,
        elements.reading -> 'reactions' as reactions,
        (elements.reading ->> 'observed_at')::timestamptz as observed_at
    from source
    cross join lateral jsonb_array_elements(source.observations) as elements (reading)
    -- What was read at no known time says nothing about time.
    where elements.reading ->> 'observed_at' is not null
),

renamed as (
    select
        {{ surrogate_key(['channel_username', 'message_id', moment_text('observed_at')]) }}
            as message_observation_key,
        {{ surrogate_key(['channel_username', 'message_id']) }} as message_pk,
        channel_username,
        message_id,

        coalesce((reading ->> 'present')::boolean, true) as is_present,
        (reading ->> 'views')::bigint as views_count,
        (reading ->> 'forwards')::bigint as forwards_count,
        (reading ->> 'replies')::bigint as replies_count,
        {{ sum_of_reactions('reactions') }} as reactions_count,

        message_date,
        observed_at
    from elements
)

select * from renamed
