select
    channel_username,
    channel_spelling,
    channel_title,
    message_count::bigint as message_count,
    distinct_message_count::bigint as distinct_message_count,
    image_count::bigint as image_count,
    subscribers_count::bigint as subscribers_count,
    average_views::float8 as average_views,
    first_post_at,
    last_post_at
from marts.dim_channels
where
    -- Others were read and have posted nothing.
    message_count > 0
    and (%(after_channel)s::text is null or channel_username > %(after_channel)s)
order by channel_username
limit %(limit)s
