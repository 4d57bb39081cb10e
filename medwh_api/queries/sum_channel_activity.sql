with posts as (
    select
        message_date,
        count(*) as message_count,
        sum(views_count)::bigint as total_views,
        sum(forwards_count)::bigint as total_forwards,
        sum(replies_count)::bigint as total_replies,
        count(*) filter (where has_media) as messages_with_media
    from marts.fct_messages
    where
        channel_username = %(channel)s
        and (%(first)s::date is null or message_date >= %(first)s)
        and (%(last)s::date is null or message_date <= %(last)s)
    group by message_date
),

detections as (
    select
        message_date,
        count(*) as detection_count
    from marts.fct_image_detections
    where
        channel_username = %(channel)s
        and (%(first)s::date is null or message_date >= %(first)s)
        and (%(last)s::date is null or message_date <= %(last)s)
    group by message_date
)

select
    posts.message_date as activity_date,
    posts.message_count,
    coalesce(detections.detection_count, 0) as detection_count,
    posts.total_views,
    posts.total_forwards,
    posts.total_replies,
    posts.messages_with_media
from posts
left join detections on posts.message_date = detections.message_date
order by activity_date
