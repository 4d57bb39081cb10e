{{ config(
    materialized='table',
    indexes=[
        {'columns': ['product_key'], 'unique': true},
        {'columns': ['distinct_offer_count', 'product_pk']},
        {'columns': ['product_name gin_trgm_ops'], 'type': 'gin'},
    ],
) }}

with

vocabulary as (
    select * from {{ ref('product_vocabulary') }}
),

aliases as (
    select
        product_key,
        string_agg(alias, ', ' order by alias collate "C") as aliases
    from {{ ref('product_aliases') }}
    group by product_key
),

-- By channel first: the rows are many, products and channels few.
mentions_by_channel as (
    select
        product_pk,
        channel_pk,
        count(*) as message_count,
        count(*) filter (where not is_repost) as distinct_message_count,
        min(message_timestamp_utc) as first_seen_at,
        max(message_timestamp_utc) as last_seen_at
    from {{ ref('fct_product_mentions') }}
    group by
        product_pk,
        channel_pk
),

mentions as (
    select
        product_pk,
        sum(message_count)::bigint as message_count,
        sum(distinct_message_count)::bigint as distinct_message_count,
        count(*) as channel_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from mentions_by_channel
    group by product_pk
),

offers_and_sellers as (
    select * from {{ ref('fct_distinct_offers') }}
    where product_pk is not null
),

distinct_offers as (
    select
        product_pk,
        distinct_offer_key,
        min(price) as price,
        sum(offer_count)::bigint as offer_count,
        sum(priced_offer_count)::bigint as priced_offer_count
    from offers_and_sellers
    group by
        product_pk,
        distinct_offer_key
),

offers as (
    select
        product_pk,
        array_agg(price order by price) filter (where price is not null) as prices,
        sum(offer_count)::bigint as offer_count,
        count(*) as distinct_offer_count,
        sum(priced_offer_count)::bigint as priced_offer_count,
        count(*) filter (where priced_offer_count > 0) as priced_distinct_offer_count
    from distinct_offers
    group by product_pk
),

vendors as (
    select
        product_pk,
        count(distinct vendor_pk) as vendor_count
    from offers_and_sellers
    group by product_pk
),

keyed as (
    select
        {{ surrogate_key(['product_key']) }} as product_pk,
        product_key,
        product_name,
        category,
        components
    from vocabulary
),

products as (
    select
        keyed.product_pk,
        keyed.product_key,

        keyed.product_name,
        keyed.category,
        replace(nullif(keyed.components, ''), ';', ', ') as component_keys,
        aliases.aliases,

        coalesce(mentions.message_count, 0) as message_count,
        coalesce(mentions.distinct_message_count, 0) as distinct_message_count,
        coalesce(offers.offer_count, 0) as offer_count,
        coalesce(offers.distinct_offer_count, 0) as distinct_offer_count,
        coalesce(offers.priced_offer_count, 0) as priced_offer_count,
        coalesce(offers.priced_distinct_offer_count, 0) as priced_distinct_offer_count,
        coalesce(mentions.channel_count, 0) as channel_count,
        coalesce(vendors.vendor_count, 0) as vendor_count,
        {{ percentile_of_sorted('offers.prices', '0.5') }}::numeric(16, 4) as median_price,

        mentions.first_seen_at,
        mentions.last_seen_at
    from keyed
    left join aliases on keyed.product_key = aliases.product_key
    left join mentions on keyed.product_pk = mentions.product_pk
    left join offers on keyed.product_pk = offers.product_pk
    left join vendors on keyed.product_pk = vendors.product_pk
)

select * from products
