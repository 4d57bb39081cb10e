select
    product_key,
    product_name,
    category,
    aliases,
    component_keys,
    message_count::bigint as message_count,
    distinct_message_count::bigint as distinct_message_count,
    offer_count::bigint as offer_count,
    distinct_offer_count::bigint as distinct_offer_count,
    priced_offer_count::bigint as priced_offer_count,
    channel_count::bigint as channel_count,
    vendor_count::bigint as vendor_count,
    median_price::numeric as median_price,
    first_seen_at,
    last_seen_at
from marts.dim_products
where
    (
        %(pattern)s::text is null
        or product_name ilike %(pattern)s
        or aliases ilike %(pattern)s
        or product_key ilike %(pattern)s
    )
    and (%(category)s::text is null or category = %(category)s)
    and (%(seen)s::boolean is null or (message_count > 0) = %(seen)s)
    and (%(after_product)s::text is null or product_key > %(after_product)s)
order by product_key
limit %(limit)s
