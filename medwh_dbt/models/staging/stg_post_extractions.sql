{{ config(
    pre_hook="{{ delete_touched('message_date', source('raw', 'post_extractions'), 'message_date') }}",
    indexes=[
        {'columns': ['message_pk'], 'unique': true},
        {'columns': ['channel_username', 'message_id'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['text_key', 'message_date', 'message_id']},
        {'columns': ['distinct_message_key', 'message_date', 'message_id']},
    ],
) }}

with

-- What was offered in which line stands in stg_offers and stg_product_mentions.
source as (
    select
        channel_username,
        message_id,
        message_date,
        text_hash,
        body_hash,
        language,
        post_kind,
        line_numbers,
        line_hashes,
        line_footers,
        line_ethiopic,
        line_latin,
        vendor_keys
    from {{ source('raw', 'post_extractions') }} as extractions
    where
        -- Texts are read from the lake, so a text can be here before its post is.
        exists (
            select 1
            from {{ source('raw', 'telegram_messages') }} as messages
            where
                extractions.channel_username = messages.channel_username
                and extractions.message_id = messages.message_id
                and extractions.message_date = messages.message_date
        )
        {% if is_incremental() %}
        and (channel_username, message_date) in ({{ touched_slices() }})
        {% endif %}
),

keyed as (
    select
        *,
        {{ surrogate_key(['channel_username', 'message_id']) }} as message_pk,
        {{ surrogate_key(['channel_username', 'text_hash']) }} as text_key,
        {{ surrogate_key(['channel_username', 'coalesce(body_hash, text_hash)']) }} as distinct_text_key
    from source
),

renamed as (
    select
        message_pk,
        channel_username,
        message_id,

        text_key,
        -- A post without words is like no other.
        coalesce(distinct_text_key, message_pk) as distinct_message_key,
        language as language_by_words,
        post_kind,

        line_numbers,
        line_hashes,
        line_footers,
        line_ethiopic,
        line_latin,
        vendor_keys,

        message_date
    from keyed
)

select * from renamed
