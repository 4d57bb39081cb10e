{{ config(
    pre_hook="{{ delete_touched('message_date', source('raw', 'post_extractions'), 'message_date') }}",
    indexes=[
        {'columns': ['message_pk']},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

source as (
    select
        channel_username,
        message_id,
        message_date,
        vendor_keys
    from {{ source('raw', 'post_extractions') }}
    where
        vendor_keys <> '{}'
        {% if is_incremental() %}
        and (channel_username, message_date) in ({{ touched_slices() }})
        {% endif %}
),

elements as (
    select
        source.channel_username,
        source.message_id,
        source.message_date,
        elements.vendor_key,
        elements.vendor_number::integer as vendor_number
    from source
    cross join lateral unnest(source.vendor_keys) with ordinality as elements (vendor_key, vendor_number)
),

renamed as (
    select
        {{ surrogate_key(['channel_username', 'message_id', 'vendor_key']) }} as message_vendor_key,
        {{ surrogate_key(['channel_username', 'message_id']) }} as message_pk,
        vendor_key,
        channel_username,
        message_id,
        vendor_number,
        message_date
    from elements
)

select * from renamed
