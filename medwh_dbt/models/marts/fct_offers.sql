-- What the last build had to say has to be noted before it goes: depends_on {{ ref('int_changed_offers') }}
{{ config(
    pre_hook="{{ delete_touched_posts('message_date') }}",
    indexes=[
        {'columns': ['product_pk', 'message_timestamp_utc', 'offer_key']},
        {'columns': ['message_timestamp_utc', 'offer_key']},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['message_pk']},
        {'columns': ['vendor_pk']},
        {'columns': ['distinct_offer_key']},
    ],
) }}

with

products as (
    select
        product_key,
        {{ surrogate_key(['product_key']) }} as product_pk
    from {{ ref('product_vocabulary') }}
),

-- The products come first: joined last, to what the planner takes for one row, each row reads them all.
offers as (
    select
        stg_offers.*,
        products.product_pk,
        products.product_key as known_product_key
    from {{ ref('stg_offers') }} as stg_offers
    left join products on stg_offers.product_key = products.product_key
    {% if is_incremental() %}
    where stg_offers.message_pk in ({{ touched_posts() }})
    {% endif %}
),

traits as (
    select
        message_pk,
        post_kind,
        boilerplate_lines
    from {{ ref('int_post_traits') }}
    {% if is_incremental() %}
    where message_pk in ({{ touched_posts() }})
    {% endif %}
),

posts as (
    select
        message_pk,
        channel_pk,
        date_pk,
        message_date,
        message_timestamp_utc
    from {{ ref('fct_messages') }}
    {% if is_incremental() %}
    where message_pk in ({{ touched_posts() }})
    {% endif %}
),

sale_offers as (
    select
        offers.offer_key,
        -- What two offers must have in common to be one that was posted again. Not the expiry and not
        -- the stock: the same thing at the same price from the next batch is no new offer.
        md5(concat_ws(
            '|',
            offers.channel_username,
            offers.line_hash,
            coalesce(offers.product_key, ''),
            coalesce(offers.strength, ''),
            coalesce(offers.pack_size, ''),
            coalesce(offers.dosage_form, ''),
            coalesce(offers.pack, ''),
            coalesce(offers.currency, ''),
            coalesce(offers.price::text, ''),
            coalesce(offers.price_high::text, ''),
            coalesce(offers.price_unit, '')
        )) as distinct_offer_key,
        offers.message_pk,
        posts.channel_pk,
        posts.date_pk,
        offers.product_pk,
        offers.first_vendor_key as vendor_pk,
        offers.channel_username,
        offers.message_id,
        offers.offer_number,
        offers.line_number,
        offers.price_line_number,

        offers.known_product_key as product_key,
        offers.offered_as,
        offers.line_text,
        offers.other_product_keys,
        offers.match_method,
        offers.strength,
        offers.pack_size,
        offers.dosage_form,
        offers.pack,
        offers.currency,
        offers.price_unit,
        offers.price_evidence,
        offers.expiry_precision,
        offers.availability,

        offers.match_score,
        offers.pack_count,
        offers.quantity,
        offers.price,
        offers.price_high,
        offers.old_price,

        offers.is_currency_stated,

        offers.expiry_date,
        posts.message_date,
        posts.message_timestamp_utc
    from offers
    inner join traits on offers.message_pk = traits.message_pk
    inner join posts
        on
            offers.message_pk = posts.message_pk
            and offers.message_date = posts.message_date
    where
        traits.post_kind = 'sale'
        -- A line that stands under most of a channel's posts offers nothing in any of them.
        and not offers.line_number = any(traits.boilerplate_lines)
        and not coalesce(offers.price_line_number = any(traits.boilerplate_lines), false)
)

select * from sale_offers
