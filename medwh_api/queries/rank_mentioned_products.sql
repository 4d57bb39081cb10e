-- All time and all channels stand ready in the dimension; only a part of them is counted here.
with mentions as (
    select
        product_pk,
        count(*) as message_count,
        count(distinct distinct_message_key) as distinct_message_count,
        count(distinct channel_username) as channel_count
    from marts.fct_product_mentions
    where
        %(is_part)s
        and (%(channel)s::text is null or channel_username = %(channel)s)
        and (%(first)s::date is null or message_date >= %(first)s)
        and (%(last)s::date is null or message_date <= %(last)s)
    group by product_pk
),

products as (
    select
        dim_products.product_key,
        dim_products.product_name,
        dim_products.category,
        mentions.message_count,
        mentions.distinct_message_count,
        mentions.channel_count
    from mentions
    inner join marts.dim_products on mentions.product_pk = dim_products.product_pk

    union all

    select
        product_key,
        product_name,
        category,
        message_count,
        distinct_message_count,
        channel_count
    from marts.dim_products
    where
        not %(is_part)s
        and message_count > 0
),

ranked as (
    select
        *,
        case when %(is_distinct)s then distinct_message_count else message_count end as place
    from products
)

select
    product_key,
    product_name,
    category,
    message_count::bigint as message_count,
    distinct_message_count::bigint as distinct_message_count,
    channel_count::bigint as channel_count
from ranked
where
    %(after_count)s::bigint is null
    or place < %(after_count)s
    or (place = %(after_count)s and product_key > %(after_name)s::text)
order by place desc, product_key
limit %(limit)s
