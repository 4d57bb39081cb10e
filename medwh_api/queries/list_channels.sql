select
    channel_username,
    channel_spelling,
    channel_title,
    message_count::bigint as message_count,
    image_count::bigint as image_count,
    average_views::float8 as average_views,
    first_post_at,
    last_post_at
from marts.dim_channels
-- Others were read and have posted nothing.
where message_count > 0
order by channel_username
