-- Engagement is told in relation to the channel too, so that small and large ones compare.
with categories as (
    select
        channel_username,
        image_category,
        count(*) as message_count,
        count(*) filter (where not is_repost) as new_message_count,
        avg(views_count) filter (where has_counters) as average_views,
        avg(forwards_count) filter (where has_counters) as average_forwards,
        avg(reactions_count) filter (where has_counters) as average_reactions,
        -- The most viewed one's picture, without sorting them all.
        substr(max(lpad(views_count::text, 20, '0') || image_sha256), 21) as example_image_sha256
    from marts.fct_messages
    where
        image_category is not null
        and (%(channel)s::text is null or channel_username = %(channel)s)
        and (%(first)s::date is null or message_date >= %(first)s)
        and (%(last)s::date is null or message_date <= %(last)s)
    group by channel_username, image_category
),

shares as (
    select
        categories.*,
        round(
            categories.message_count
            / sum(categories.message_count) over (partition by categories.channel_username),
            4
        )::float8 as share,
        round(categories.average_views / nullif(dim_channels.average_views, 0), 4)::float8
            as views_ratio
    from categories
    left join marts.dim_channels on categories.channel_username = dim_channels.channel_username
)

select
    channel_username,
    image_category,
    message_count,
    new_message_count,
    share,
    round(average_views, 2)::float8 as average_views,
    round(average_forwards, 2)::float8 as average_forwards,
    round(average_reactions, 2)::float8 as average_reactions,
    views_ratio,
    example_image_sha256
from shares
where
    %(after_channel)s::text is null
    or (channel_username, image_category) > (%(after_channel)s, %(after_category)s::text)
order by channel_username, image_category
limit %(limit)s
