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
    last_seen_at,
    (
        select coalesce(json_agg(months order by months.month_start), '[]'::json)
        from (
            select
                month_start,
                median_price::numeric as median_price,
                lower_quartile_price::numeric as lower_quartile_price,
                upper_quartile_price::numeric as upper_quartile_price,
                min_price::numeric as min_price,
                max_price::numeric as max_price,
                distinct_median_price::numeric as distinct_median_price,
                offer_count::bigint as offer_count,
                distinct_offer_count::bigint as distinct_offer_count,
                channel_count::bigint as channel_count
            from marts.mart_product_prices
            where mart_product_prices.product_pk = dim_products.product_pk
            order by month_start desc
            limit 120
        ) as months
    ) as price_history,
    (
        select coalesce(
            json_agg(newest order by newest.message_timestamp_utc desc, newest.offer_number), '[]'::json
        )
        from (
            select
                channel_username,
                message_id,
                message_timestamp_utc,
                offer_number,
                offered_as,
                strength,
                pack_size,
                dosage_form,
                pack,
                price,
                price_high,
                currency,
                price_unit,
                expiry_date,
                availability,
                vendor_pk
            from marts.fct_offers
            where fct_offers.product_pk = dim_products.product_pk
            order by message_timestamp_utc desc, offer_key desc
            limit 20
        ) as newest
    ) as newest_offers,
    (
        select coalesce(json_agg(largest), '[]'::json)
        from (
            select
                fct_offers.vendor_pk,
                dim_vendors.channel_usernames,
                count(*) as offer_count,
                count(distinct fct_offers.distinct_offer_key) as distinct_offer_count,
                min(fct_offers.message_timestamp_utc) as first_offered_at,
                max(fct_offers.message_timestamp_utc) as last_offered_at
            from marts.fct_offers
            inner join marts.dim_vendors on fct_offers.vendor_pk = dim_vendors.vendor_pk
            where fct_offers.product_pk = dim_products.product_pk
            group by fct_offers.vendor_pk, dim_vendors.channel_usernames
            order by distinct_offer_count desc, fct_offers.vendor_pk
            limit 20
        ) as largest
    ) as vendors
from marts.dim_products
where product_key = %(product)s
