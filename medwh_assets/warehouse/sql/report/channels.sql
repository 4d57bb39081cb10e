select
    channel_username,
    count(*) as posts,
    count(*) filter (where has_image) as images,
    min(message_date)::text as first_day,
    max(message_date)::text as last_day
from marts.fct_messages
group by channel_username
order by posts desc, channel_username
