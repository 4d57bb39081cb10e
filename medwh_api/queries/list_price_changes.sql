-- From one month with a price to the next that has one, by the median of distinct offers. One
-- channel's months are compared with that channel's, else all channels' together.
with months as (
    select
        product_pk,
        null::text as channel_username,
        month_start,
        distinct_median_price,
        distinct_offer_count
    from marts.mart_product_prices
    where
        %(channel)s::text is null

    union all

    select
        product_pk,
        channel_username,
        month_start,
        distinct_median_price,
        distinct_offer_count
    from marts.mart_price_history
    where
        channel_username = %(channel)s
),

steps as (
    select
        *,
        lag(month_start) over each_product as previous_month_start,
        lag(distinct_median_price) over each_product as previous_median_price,
        lag(distinct_offer_count) over each_product as previous_offer_count
    from months
    where
        %(product)s::text is null
        or product_pk = (
            select product_pk from marts.dim_products where product_key = %(product)s
        )
    window each_product as (partition by product_pk order by month_start)
),

changes as (
    select
        steps.month_start,
        dim_products.product_key,
        dim_products.product_name,
        steps.channel_username,
        steps.distinct_median_price as median_price,
        steps.previous_month_start,
        steps.previous_median_price,
        steps.distinct_median_price - steps.previous_median_price as price_change,
        round(steps.distinct_median_price / nullif(steps.previous_median_price, 0) - 1, 4)::float8
            as relative_change,
        steps.distinct_offer_count as offer_count,
        steps.previous_offer_count
    from steps
    inner join marts.dim_products on steps.product_pk = dim_products.product_pk
    where
        steps.previous_median_price is not null
        and steps.distinct_median_price is distinct from steps.previous_median_price
        and (%(first)s::date is null or steps.month_start >= date_trunc('month', %(first)s::date))
        and (%(last)s::date is null or steps.month_start <= %(last)s)
)

select
    month_start,
    product_key,
    product_name,
    channel_username,
    median_price::numeric as median_price,
    previous_month_start,
    previous_median_price::numeric as previous_median_price,
    price_change::numeric as price_change,
    relative_change,
    offer_count::bigint as offer_count,
    previous_offer_count::bigint as previous_offer_count
from changes
where
    %(after_month)s::date is null
    or (month_start, product_key) < (%(after_month)s, %(after_product)s::text)
order by month_start desc, product_key desc
limit %(limit)s
