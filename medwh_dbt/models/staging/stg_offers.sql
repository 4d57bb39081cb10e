{{ config(
    pre_hook="{{ delete_touched('message_date', source('raw', 'post_extractions'), 'message_date') }}",
    indexes=[
        {'columns': ['message_pk']},
        {'columns': ['channel_username', 'message_id', 'offer_number'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

source as (
    select
        channel_username,
        message_id,
        message_date,
        vendor_keys,
        offers
    from {{ source('raw', 'post_extractions') }}
    where
        offers <> '[]'
        {% if is_incremental() %}
        and (channel_username, message_date) in ({{ touched_slices() }})
        {% endif %}
),

elements as (
    select
        source.channel_username,
        source.message_id,
        source.message_date,
        source.vendor_keys[1] as first_vendor_key,
        elements.offer_number::integer as offer_number,
        elements.offer
    from source
    cross join lateral jsonb_array_elements(source.offers) with ordinality as elements (offer, offer_number)
),

renamed as (
    select
        {{ surrogate_key(['elements.channel_username', 'elements.message_id', 'elements.offer_number']) }}
            as offer_key,
        {{ surrogate_key(['elements.channel_username', 'elements.message_id']) }} as message_pk,
        elements.channel_username,
        elements.message_id,
        elements.offer_number,
        details.line as line_number,
        details.price_line as price_line_number,
        details.hash as line_hash,
        elements.first_vendor_key,

        details.product_key,
        details.name as offered_as,
        details.text as line_text,
        array_to_string(details.other_products, ', ') as other_product_keys,
        details.method as match_method,
        details.strength,
        details.size as pack_size,
        details.form as dosage_form,
        details.pack,
        details.currency,
        details.price_unit,
        details.price_evidence,
        details.expiry_precision,
        details.availability,

        details.score as match_score,
        details.pack_count,
        details.quantity,
        details.price,
        details.price_high,
        details.old_price,

        coalesce(details.stated, false) as is_currency_stated,

        details.expiry as expiry_date,
        elements.message_date
    from elements
    cross join
        lateral jsonb_to_record(elements.offer) as details (
            line integer,
            price_line integer,
            hash bigint,
            product_key text,
            name text,
            text text,
            other_products text[],
            method text,
            strength text,
            size text,
            form text,
            pack text,
            currency text,
            price_unit text,
            price_evidence text,
            expiry_precision text,
            availability text,
            score numeric(5, 4),
            pack_count bigint,
            quantity bigint,
            price numeric(12, 2),
            price_high numeric(12, 2),
            old_price numeric(12, 2),
            stated boolean,
            expiry date
        )
)

select * from renamed
