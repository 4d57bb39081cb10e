with periods as (
    select
        date_trunc(%(by)s, activity_date)::date as period_start,
        case when %(per_channel)s then channel_username end as channel_username,
        sum(message_count)::bigint as message_count,
        sum(new_message_count)::bigint as new_message_count,
        sum(sale_message_count)::bigint as sale_message_count,
        sum(image_count)::bigint as image_count,
        sum(detection_count)::bigint as detection_count,
        sum(total_views)::bigint as total_views,
        count(distinct channel_username) as channel_count
    from marts.mart_channel_daily_activity
    where
        (%(channel)s::text is null or channel_username = %(channel)s)
        and (%(first)s::date is null or activity_date >= %(first)s)
        and (%(last)s::date is null or activity_date <= %(last)s)
        and (
            %(after_period)s::date is null
            or activity_date >= %(after_period)s
        )
    group by 1, 2
)

select *
from periods
where
    %(after_period)s::date is null
    or (period_start, coalesce(channel_username, '')) > (
        %(after_period)s, coalesce(%(after_channel)s::text, '')
    )
order by period_start, channel_username
limit %(limit)s
