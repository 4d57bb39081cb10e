select
    image_category,
    count(*) as posts,
    round(avg(views_count) filter (where has_counters))::bigint as average_views
from marts.fct_messages
where image_category is not null
group by image_category
order by posts desc, image_category
