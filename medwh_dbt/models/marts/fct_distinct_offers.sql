{{ config(
    pre_hook=["{{ note_touched_posts() }}", "{{ delete_touched_offers() }}"],
    indexes=[
        {'columns': ['distinct_offer_key']},
        {'columns': ['channel_pk']},
    ],
) }}

with

offers as (
    select
        distinct_offer_key,
        channel_pk,
        vendor_pk,
        product_pk,
        price,
        currency,
        price_unit
    from {{ ref('fct_offers') }}
    {% if is_incremental() %}
    where distinct_offer_key in (select touched_offers.distinct_offer_key from touched_offers)
    {% endif %}
),

counted as (
    select
        distinct_offer_key,
        channel_pk,
        vendor_pk,
        product_pk,
        -- As in mart_price_history: whole packs, in birr.
        min(price) filter (where currency = 'ETB' and price_unit is null) as price,
        count(*) as offer_count,
        count(price) as priced_offer_count
    from offers
    group by
        distinct_offer_key,
        channel_pk,
        vendor_pk,
        product_pk
),

distinct_offers as (
    select
        md5(distinct_offer_key || '|' || coalesce(vendor_pk, '')) as distinct_offer_vendor_key,
        distinct_offer_key,
        channel_pk,
        product_pk,
        vendor_pk,
        offer_count,
        priced_offer_count,
        price::numeric(12, 2) as price
    from counted
)

select * from distinct_offers
