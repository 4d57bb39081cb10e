{{ config(materialized='table') }}

with

-- By channel first: the rows are many, vendors and channels few.
posts_by_channel as (
    select
        vendor_pk,
        channel_username,
        count(*) as message_count,
        count(*) filter (where not is_repost) as distinct_message_count,
        min(message_timestamp_utc) as first_seen_at,
        max(message_timestamp_utc) as last_seen_at
    from {{ ref('fct_message_vendors') }}
    group by
        vendor_pk,
        channel_username
),

posts as (
    select
        vendor_pk,
        string_agg(channel_username, ', ' order by channel_username collate "C") as channel_usernames,
        count(*) as channel_count,
        sum(message_count)::bigint as message_count,
        sum(distinct_message_count)::bigint as distinct_message_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from posts_by_channel
    group by vendor_pk
),

offers as (
    select
        vendor_pk,
        sum(offer_count)::bigint as offer_count,
        count(*) as distinct_offer_count,
        sum(priced_offer_count)::bigint as priced_offer_count,
        count(*) filter (where priced_offer_count > 0) as priced_distinct_offer_count,
        count(distinct product_pk) as product_count
    from {{ ref('fct_distinct_offers') }}
    where vendor_pk is not null
    group by vendor_pk
),

vendors as (
    select
        posts.vendor_pk,

        posts.channel_usernames,

        posts.channel_count,
        posts.message_count,
        posts.distinct_message_count,
        coalesce(offers.offer_count, 0) as offer_count,
        coalesce(offers.distinct_offer_count, 0) as distinct_offer_count,
        coalesce(offers.priced_offer_count, 0) as priced_offer_count,
        coalesce(offers.priced_distinct_offer_count, 0) as priced_distinct_offer_count,
        coalesce(offers.product_count, 0) as product_count,

        posts.first_seen_at,
        posts.last_seen_at
    from posts
    left join offers on posts.vendor_pk = offers.vendor_pk
)

select * from vendors
