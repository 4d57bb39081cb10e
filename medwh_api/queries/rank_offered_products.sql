-- All time and all channels stand ready in the dimension, and all time of a channel nearly so; only a span
-- of days is counted from single offers.
with offers_of_days as (
    select
        product_pk,
        count(*) as offer_count,
        count(distinct distinct_offer_key) as distinct_offer_count,
        count(price) as priced_offer_count,
        count(distinct vendor_pk) as vendor_count
    from marts.fct_offers
    where
        (%(first)s::date is not null or %(last)s::date is not null)
        and product_pk is not null
        and (%(channel)s::text is null or channel_username = %(channel)s)
        and (%(first)s::date is null or message_date >= %(first)s)
        and (%(last)s::date is null or message_date <= %(last)s)
    group by product_pk
),

offers_of_channel as (
    select
        product_pk,
        sum(offer_count) as offer_count,
        count(distinct distinct_offer_key) as distinct_offer_count,
        sum(priced_offer_count) as priced_offer_count,
        count(distinct vendor_pk) as vendor_count
    from marts.fct_distinct_offers
    where
        %(first)s::date is null
        and %(last)s::date is null
        and product_pk is not null
        and channel_pk = (
            select dim_channels.channel_pk from marts.dim_channels
            where dim_channels.channel_username = %(channel)s
        )
    group by product_pk
),

offers as (
    select * from offers_of_days
    union all
    select * from offers_of_channel
),

products as (
    select
        dim_products.product_key,
        dim_products.product_name,
        dim_products.category,
        offers.offer_count,
        offers.distinct_offer_count,
        offers.priced_offer_count,
        offers.vendor_count,
        dim_products.median_price
    from offers
    inner join marts.dim_products on offers.product_pk = dim_products.product_pk

    union all

    select
        product_key,
        product_name,
        category,
        offer_count,
        distinct_offer_count,
        priced_offer_count,
        vendor_count,
        median_price
    from marts.dim_products
    where
        not %(is_part)s
        and offer_count > 0
),

ranked as (
    select
        *,
        case when %(is_distinct)s then distinct_offer_count else offer_count end as place
    from products
)

select
    product_key,
    product_name,
    category,
    offer_count::bigint as offer_count,
    distinct_offer_count::bigint as distinct_offer_count,
    priced_offer_count::bigint as priced_offer_count,
    vendor_count::bigint as vendor_count,
    median_price::numeric as median_price
from ranked
where
    %(after_count)s::bigint is null
    or place < %(after_count)s
    or (place = %(after_count)s and product_key > %(after_name)s::text)
order by place desc, product_key
limit %(limit)s
