{{ config(meta={'dagster': {'ref': {'name': 'mart_channel_daily_activity'}}}) }}

-- A day, or a channel over all its days, whose posts or distinct messages are not those of
-- fct_messages is returned.
with

posts as (
    select
        channel_username,
        message_date as activity_date,
        count(*) as message_count,
        count(*) filter (where not is_repost) as new_message_count,
        sum(views_count) as total_views
    from {{ ref('fct_messages') }}
    group by channel_username, message_date
),

channels as (
    select
        channel_username,
        sum(message_count) as message_count,
        sum(new_message_count) as distinct_message_count
    from posts
    group by channel_username
)

select
    coalesce(posts.channel_username, activity.channel_username) as channel_username,
    coalesce(posts.activity_date, activity.activity_date) as activity_date
from posts
full outer join {{ ref('mart_channel_daily_activity') }} as activity
    on
        posts.channel_username = activity.channel_username
        and posts.activity_date = activity.activity_date
where
    posts.message_count is distinct from activity.message_count
    or posts.new_message_count is distinct from activity.new_message_count
    or posts.total_views is distinct from activity.total_views
union all
select
    dim_channels.channel_username,
    null as activity_date
from {{ ref('dim_channels') }} as dim_channels
left join channels on dim_channels.channel_username = channels.channel_username
where
    dim_channels.message_count <> coalesce(channels.message_count, 0)
    or dim_channels.distinct_message_count <> coalesce(channels.distinct_message_count, 0)
