{{ config(
    pre_hook="{{ delete_touched('message_date', source('raw', 'telegram_messages'), 'message_date') }}",
    indexes=[
        {'columns': ['message_pk'], 'unique': true},
        {'columns': ['channel_username', 'message_id'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

source as (
    select
        channel_username,
        message_id,
        message_data,
        text_masked,
        message_date,
        message_data -> 'media' as media,
        message_data -> 'forwarded_from' as forwarded,
        message_data -> 'reactions' as reactions,
        message_data -> 'extra' -> 'channel_title' as titles,
        message_data -> 'extra' -> 'channel_username' as spellings
    from {{ source('raw', 'telegram_messages') }}
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
        (message_data ->> 'reply_to')::bigint as reply_to_message_id,

        nullif(text_masked, '') as message_text,
        media ->> 'kind' as media_type,
        -- `extra` holds a sorted set of values per key. Two titles in one post are a rename between
        -- two readings; which came first is not known, so taking the last is only a steady choice.
        case
            when titles is not null
                then jsonb_path_query_array(titles, '$[*] ? (@.type() == "string")') ->> -1
        end as channel_title,
        case
            when spellings is not null
                then jsonb_path_query_array(spellings, '$[*] ? (@.type() == "string")')
            else '[]'::jsonb
        end as channel_spellings,
        lower(ltrim(forwarded ->> 'channel', '@')) as forwarded_from_channel,

        (forwarded ->> 'message_id')::bigint as forwarded_from_message_id,
        (message_data ->> 'views')::bigint as views_count,
        (message_data ->> 'forwards')::bigint as forwards_count,
        (message_data ->> 'replies')::bigint as replies_count,
        {{ sum_of_reactions('reactions') }} as reactions_count,

        message_data ->> 'kind' = 'service' as is_service,
        coalesce(jsonb_typeof(forwarded) = 'object', false) as is_forward,

        message_date,
        (message_data ->> 'date')::timestamptz as message_timestamp_utc,
        (message_data ->> 'edit_date')::timestamptz as edit_date,
        (message_data ->> 'missing_since')::timestamptz as missing_since
    from source
)

select * from renamed
