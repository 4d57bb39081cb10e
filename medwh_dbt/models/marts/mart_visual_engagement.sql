{{ config(materialized='table') }}

with

posts as (
    select
        channel_username,
        coalesce(image_category, 'no_image') as image_category,
        is_repost,
        views_count,
        views_24h,
        views_7d,
        -- People see an album as one: its first item speaks for it.
        grouped_id is not null
        and row_number() over (partition by channel_username, grouped_id order by message_id) > 1 as is_later_item
    from {{ ref('fct_messages') }}
    where
        has_counters
        and not is_service
),

measured as (
    select
        posts.channel_username,
        posts.image_category,
        posts.is_repost,
        measures.measure,
        measures.views
    from posts
    cross join
        lateral (
            values ('views', posts.views_count), ('views_24h', posts.views_24h), ('views_7d', posts.views_7d)
        ) as measures (measure, views)
    where
        not posts.is_later_item
        and measures.views is not null
),

medians as (
    select
        channel_username,
        measure,
        percentile_cont(0.5) within group (order by views) as median_views
    from measured
    group by channel_username, measure
),

-- A channel's own median takes its size out. Half of a channel that nobody looks at has no median to
-- be compared with.
ratios as (
    select
        measured.channel_username,
        measured.image_category,
        measured.measure,
        measured.is_repost,
        measured.views / medians.median_views as ratio
    from measured
    inner join medians
        on
            measured.channel_username = medians.channel_username
            and measured.measure = medians.measure
    where medians.median_views > 0
),

ordered as (
    select
        measure,
        image_category,
        count(distinct channel_username) as channel_count,
        count(*) as message_count,
        count(*) filter (where not is_repost) as distinct_message_count,
        array_agg(ratio order by ratio) as ratios,
        array_agg(ratio order by ratio) filter (where not is_repost) as distinct_ratios
    from ratios
    group by measure, image_category
),

-- Of n values in order the median lies between the k-th from below and the k-th from above in at least
-- 95 of 100 samples if k is the whole part of (n - 1.96 * sqrt(n)) / 2: the binomial distribution, no
-- assumption on the values and no random draws. Checked against it for n from 30 to 1,200.
ranked as (
    select
        *,
        floor((message_count - 1.96 * sqrt(message_count)) / 2)::integer as low_rank,
        floor((distinct_message_count - 1.96 * sqrt(distinct_message_count)) / 2)::integer as distinct_low_rank,
        message_count >= 30 as is_shown,
        distinct_message_count >= 30 as is_distinct_shown
    from ordered
),

engagement as (
    select
        {{ surrogate_key(['measure', 'image_category']) }} as visual_engagement_key,
        measure,
        image_category,
        channel_count,

        message_count,
        case when is_shown then {{ middle_of('ratios', 'message_count') }} end::numeric(21, 4) as median_ratio,
        case when is_shown then ratios[low_rank] end::numeric(21, 4) as ratio_low,
        case when is_shown then ratios[message_count + 1 - low_rank] end::numeric(21, 4) as ratio_high,

        distinct_message_count,
        case
            when is_distinct_shown then {{ middle_of('distinct_ratios', 'distinct_message_count') }}
        end::numeric(21, 4) as distinct_median_ratio,
        case when is_distinct_shown then distinct_ratios[distinct_low_rank] end::numeric(21, 4) as distinct_ratio_low,
        case
            when is_distinct_shown then distinct_ratios[distinct_message_count + 1 - distinct_low_rank]
        end::numeric(21, 4) as distinct_ratio_high
    from ranked
)

select * from engagement
