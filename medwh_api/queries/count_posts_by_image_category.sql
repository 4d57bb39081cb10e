with categories as (
    select
        channel_username,
        image_category,
        count(*) as message_count,
        avg(views_count) filter (where has_counters) as average_views
    from marts.fct_messages
    where image_category is not null
    group by channel_username, image_category
)

select
    channel_username,
    image_category,
    message_count,
    round(message_count / sum(message_count) over (partition by channel_username), 4)::float8 as share,
    round(average_views, 2)::float8 as average_views
from categories
order by channel_username, message_count desc, image_category
