{{ config(meta={'dagster': {'ref': {'name': 'mart_price_history'}}}) }}

-- Every priced offer of a product counts once in each of the two price marts, and their extremes and
-- ends of quartiles lie in order: what differs is returned.
with

offers as (
    select
        count(*) as offer_count,
        count(distinct message_pk || product_pk) as message_count,
        min(price) as min_price,
        max(price) as max_price
    from {{ ref('fct_offers') }}
    where
        product_pk is not null
        and currency = 'ETB'
        and price_unit is null
),

totals as (
    select
        'mart_price_history' as mart,
        sum(offer_count) as offer_count,
        sum(message_count) as message_count,
        min(min_price) as min_price,
        max(max_price) as max_price,
        bool_and(
            min_price <= lower_quartile_price and lower_quartile_price <= median_price
            and median_price <= upper_quartile_price and upper_quartile_price <= max_price
        ) as is_in_order
    from {{ ref('mart_price_history') }}
    union all
    select
        'mart_product_prices' as mart,
        sum(offer_count) as offer_count,
        sum(message_count) as message_count,
        min(min_price) as min_price,
        max(max_price) as max_price,
        bool_and(
            min_price <= lower_quartile_price and lower_quartile_price <= median_price
            and median_price <= upper_quartile_price and upper_quartile_price <= max_price
        ) as is_in_order
    from {{ ref('mart_product_prices') }}
)

select totals.*
from totals
cross join offers
where
    coalesce(totals.offer_count, 0) <> offers.offer_count
    or coalesce(totals.message_count, 0) <> offers.message_count
    or totals.min_price <> offers.min_price
    or totals.max_price <> offers.max_price
    or not totals.is_in_order
