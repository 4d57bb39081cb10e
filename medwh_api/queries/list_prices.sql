select
    mart_price_history.month_start,
    mart_price_history.product_key,
    dim_products.product_name,
    mart_price_history.channel_username,
    mart_price_history.median_price::numeric as median_price,
    mart_price_history.lower_quartile_price::numeric as lower_quartile_price,
    mart_price_history.upper_quartile_price::numeric as upper_quartile_price,
    mart_price_history.min_price::numeric as min_price,
    mart_price_history.max_price::numeric as max_price,
    mart_price_history.distinct_median_price::numeric as distinct_median_price,
    mart_price_history.message_count::bigint as message_count,
    mart_price_history.offer_count::bigint as offer_count,
    mart_price_history.distinct_offer_count::bigint as distinct_offer_count,
    mart_price_history.vendor_count::bigint as vendor_count
from marts.mart_price_history
inner join marts.dim_products on mart_price_history.product_pk = dim_products.product_pk
where
    (%(product)s::text is null or dim_products.product_key = %(product)s)
    and (%(channel)s::text is null or mart_price_history.channel_username = %(channel)s)
    and (
        %(first)s::date is null
        or mart_price_history.month_start >= date_trunc('month', %(first)s::date)
    )
    and (%(last)s::date is null or mart_price_history.month_start <= %(last)s)
    and (
        %(after_month)s::date is null
        or (
            mart_price_history.month_start,
            mart_price_history.product_key,
            mart_price_history.channel_username
        ) < (%(after_month)s, %(after_product)s::text, %(after_channel)s::text)
    )
order by
    mart_price_history.month_start desc,
    mart_price_history.product_key desc,
    mart_price_history.channel_username desc
limit %(limit)s
