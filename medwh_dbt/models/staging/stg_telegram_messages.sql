{{ config(
    pre_hook="{{ delete_touched('message_date', source('raw', 'telegram_messages'), 'message_date') }}",
    indexes=[
        {'columns': ['channel_username', 'message_id'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

source as (
    select * from {{ source('raw', 'telegram_messages') }}
    {% if is_incremental() %}
    where (channel_username, message_date) in ({{ touched_slices() }})
    {% endif %}
),

renamed as (
    select
        {{ surrogate_key(['channel_username', 'message_id']) }} as message_pk,
        channel_username,
        message_id,
        (message_data ->> 'channel_id')::bigint as channel_id,
        (message_data ->> 'grouped_id')::bigint as grouped_id,

        nullif(text_masked, '') as message_text,
        message_data -> 'media' ->> 'kind' as media_type,
        -- `extra` holds a sorted set of values per key. Two titles in one post are a rename between
        -- two readings; which came first is not known, so taking the last is only a steady choice.
        jsonb_path_query_array(message_data, '$.extra.channel_title[*] ? (@.type() == "string")')
        ->> -1 as channel_title,
        jsonb_path_query_array(message_data, '$.extra.channel_username[*] ? (@.type() == "string")')
            as channel_spellings,

        (message_data ->> 'views')::bigint as views_count,
        (message_data ->> 'forwards')::bigint as forwards_count,
        (message_data ->> 'replies')::bigint as replies_count,

        message_data ->> 'kind' = 'service' as is_service,

        message_date,
        (message_data ->> 'date')::timestamptz as message_timestamp_utc,
        (message_data ->> 'edit_date')::timestamptz as edit_date,
        (message_data ->> 'missing_since')::timestamptz as missing_since
    from source
)

select * from renamed
