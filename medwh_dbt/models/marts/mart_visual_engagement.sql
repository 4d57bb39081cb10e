{{ config(materialized='table') }}

with

-- People see an album as one: its first item speaks for it.
albums as (
    select
        channel_username,
        grouped_id,
        min(message_id) as first_message_id
    from {{ ref('fct_messages') }}
    where
        grouped_id is not null
        and has_counters
        and not is_service
    group by channel_username, grouped_id
),

posts as (
    select
        messages.channel_username,
        coalesce(messages.image_category, 'no_image') as image_category,
        messages.is_repost,
        messages.views_count,
        messages.views_24h,
        messages.views_7d
    from {{ ref('fct_messages') }} as messages
    left join albums
        on
            messages.channel_username = albums.channel_username
            and messages.grouped_id = albums.grouped_id
    where
        messages.has_counters
        and not messages.is_service
        and (messages.grouped_id is null or messages.message_id = albums.first_message_id)
),

-- Posts with as many views are counted together: a channel has far fewer numbers of views than posts.
measured as (
    select
        posts.channel_username,
        posts.image_category,
        measures.measure,
        measures.views,
        count(*) as post_count,
        count(*) filter (where not posts.is_repost) as distinct_count
    from posts
    cross join
        lateral (
            values ('views', posts.views_count), ('views_24h', posts.views_24h), ('views_7d', posts.views_7d)
        ) as measures (measure, views)
    where measures.views is not null
    group by posts.channel_username, posts.image_category, measures.measure, measures.views
),

counted_to as (
    select
        channel_username,
        measure,
        views,
        sum(post_count) over so_far as rank_to,
        sum(post_count) over (partition by channel_username, measure) as channel_post_count
    from measured
    window so_far as (partition by channel_username, measure order by views)
),

medians as (
    select
        channel_username,
        measure,
        (
            min(views) filter (where rank_to >= div(channel_post_count + 1, 2))
            + min(views) filter (where rank_to >= div(channel_post_count + 2, 2))
        ) / 2.0::double precision as median_views
    from counted_to
    group by channel_username, measure
),

-- A channel's own median takes its size out. Where half of the posts were seen by nobody there is none
-- to be compared with.
ratios as (
    select
        measured.channel_username,
        measured.image_category,
        measured.measure,
        measured.post_count,
        measured.distinct_count,
        measured.views / medians.median_views as ratio
    from measured
    inner join medians
        on
            measured.channel_username = medians.channel_username
            and measured.measure = medians.measure
    where medians.median_views > 0
),

ranked as (
    select
        channel_username,
        image_category,
        measure,
        ratio,
        sum(post_count) over so_far as rank_to,
        sum(distinct_count) over so_far as distinct_rank_to,
        sum(post_count) over (partition by measure, image_category) as message_count,
        sum(distinct_count) over (partition by measure, image_category) as distinct_message_count
    from ratios
    window so_far as (partition by measure, image_category order by ratio)
),

-- Of n values in order the median lies between the k-th from below and the k-th from above in at least
-- 95 of 100 samples if k is the whole part of (n - 1.96 * sqrt(n)) / 2: the binomial distribution, no
-- assumption on the values and no random draws. Checked against it for n from 30 to 1,200.
bounded as (
    select
        *,
        floor((message_count - 1.96 * sqrt(message_count)) / 2) as low_rank,
        floor((distinct_message_count - 1.96 * sqrt(distinct_message_count)) / 2) as distinct_low_rank
    from ranked
),

ordered as (
    select
        measure,
        image_category,
        count(distinct channel_username) as channel_count,
        min(message_count) as message_count,
        min(distinct_message_count) as distinct_message_count,
        (
            min(ratio) filter (where rank_to >= div(message_count + 1, 2))
            + min(ratio) filter (where rank_to >= div(message_count + 2, 2))
        ) / 2 as median_ratio,
        min(ratio) filter (where rank_to >= low_rank) as ratio_low,
        min(ratio) filter (where rank_to >= message_count + 1 - low_rank)
            as ratio_high,
        (
            min(ratio) filter (where distinct_rank_to >= div(distinct_message_count + 1, 2))
            + min(ratio) filter (where distinct_rank_to >= div(distinct_message_count + 2, 2))
        ) / 2 as distinct_median_ratio,
        min(ratio) filter (where distinct_rank_to >= distinct_low_rank) as distinct_ratio_low,
        min(ratio) filter (where distinct_rank_to >= distinct_message_count + 1 - distinct_low_rank)
            as distinct_ratio_high
    from bounded
    group by measure, image_category
),

engagement as (
    select
        {{ surrogate_key(['measure', 'image_category']) }} as visual_engagement_key,
        measure,
        image_category,
        channel_count,

        message_count::bigint as message_count,
        case when message_count >= 30 then median_ratio end::numeric(21, 4) as median_ratio,
        case when message_count >= 30 then ratio_low end::numeric(21, 4) as ratio_low,
        case when message_count >= 30 then ratio_high end::numeric(21, 4) as ratio_high,

        distinct_message_count::bigint as distinct_message_count,
        case when distinct_message_count >= 30 then distinct_median_ratio end::numeric(21, 4) as distinct_median_ratio,
        case when distinct_message_count >= 30 then distinct_ratio_low end::numeric(21, 4) as distinct_ratio_low,
        case when distinct_message_count >= 30 then distinct_ratio_high end::numeric(21, 4) as distinct_ratio_high
    from ordered
)

select * from engagement
