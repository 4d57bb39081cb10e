-- Posts by period and channel: the largest channels by name and all others together, in periods that
-- grow with the days asked for, so that there are few rows whatever is asked. With a product: the
-- posts that name it, of which the rest is not known.
with days as (
    select
        channel_username,
        activity_date,
        message_count,
        new_message_count,
        image_count
    from marts.mart_channel_daily_activity
    where
        %(product)s::text is null
        and (%(channel)s::text is null or channel_username = %(channel)s)
        and (%(first)s::date is null or activity_date >= %(first)s)
        and (%(last)s::date is null or activity_date <= %(last)s)

    union all

    select
        channel_username,
        message_date as activity_date,
        count(*) as message_count,
        null::bigint as new_message_count,
        null::bigint as image_count
    from marts.fct_product_mentions
    where
        product_pk = (
            select product_pk from marts.dim_products where product_key = %(product)s::text
        )
        and (%(channel)s::text is null or channel_username = %(channel)s)
        and (%(first)s::date is null or message_date >= %(first)s)
        and (%(last)s::date is null or message_date <= %(last)s)
    group by channel_username, message_date
),

sizes as (
    select
        channel_username,
        row_number() over (order by sum(message_count) desc, channel_username) as place
    from days
    group by channel_username
),

spans as (
    select
        case
            when max(activity_date) - min(activity_date) < 62 then 'day'
            when max(activity_date) - min(activity_date) < 400 then 'week'
            else 'month'
        end as period
    from days
)

select
    spans.period,
    date_trunc(spans.period, days.activity_date::timestamp)::date as period_start,
    case when sizes.place <= %(named)s then days.channel_username end as channel_username,
    min(sizes.place) as place,
    sum(days.message_count)::bigint as message_count,
    sum(days.new_message_count)::bigint as new_message_count,
    sum(days.image_count)::bigint as image_count,
    (select count(*) from sizes) as channel_count
from days
inner join sizes on days.channel_username = sizes.channel_username
cross join spans
group by 1, 2, 3
order by 2, 4
limit %(limit)s
