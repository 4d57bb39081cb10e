select
    activity_date,
    message_count::bigint as message_count,
    distinct_message_count::bigint as distinct_message_count,
    new_message_count::bigint as new_message_count,
    detection_count::bigint as detection_count,
    total_views::bigint as total_views,
    total_forwards::bigint as total_forwards,
    total_replies::bigint as total_replies,
    total_reactions::bigint as total_reactions,
    messages_with_media::bigint as messages_with_media,
    image_count::bigint as image_count
from marts.mart_channel_daily_activity
where
    channel_username = %(channel)s
    and (%(first)s::date is null or activity_date >= %(first)s)
    and (%(last)s::date is null or activity_date <= %(last)s)
    and (%(after_day)s::date is null or activity_date > %(after_day)s)
order by activity_date
limit %(limit)s
