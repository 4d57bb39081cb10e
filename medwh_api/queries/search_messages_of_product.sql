-- As search_messages, of the posts that name a product: these are walked in time, since the planner does
-- not know which texts name what, and would read all posts for a text that stands beside none of them.
select
    posts.message_pk,
    posts.channel_username,
    posts.message_id::bigint as message_id,
    posts.message_timestamp_utc,
    posts.message_text,
    posts.views_count::bigint as views_count,
    posts.forwards_count::bigint as forwards_count,
    posts.replies_count::bigint as replies_count,
    posts.has_counters,
    posts.has_image,
    posts.image_sha256,
    posts.image_category,
    posts.is_repost
from marts.fct_product_mentions as mentions
inner join marts.fct_messages as posts on mentions.message_pk = posts.message_pk
where
    mentions.product_pk = (
        select dim_products.product_pk from marts.dim_products
        where dim_products.product_key = %(product)s
    )
    and posts.message_text ilike %(pattern)s
    and (%(channel)s::text is null or mentions.channel_username = %(channel)s)
    and (%(has_image)s::boolean is null or posts.has_image = %(has_image)s)
    and (
        %(first)s::date is null
        or mentions.message_timestamp_utc >= (%(first)s::date)::timestamptz
    )
    and (
        %(last)s::date is null
        or mentions.message_timestamp_utc < (%(last)s::date + 1)::timestamptz
    )
    and (
        %(after_time)s::timestamptz is null
        or (mentions.message_timestamp_utc, mentions.message_pk) < (%(after_time)s, %(after_message)s::text)
    )
order by mentions.message_timestamp_utc desc, mentions.message_pk desc
limit %(limit)s
