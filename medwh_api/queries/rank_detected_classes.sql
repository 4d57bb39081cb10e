-- People are on pictures too, but they are no product. All time and all channels stand ready in a
-- mart; only a part of them is counted here.
with boxes as (
    select
        detected_object_class,
        image_sha256,
        box_number,
        count(*) as detection_count
    from marts.fct_image_detections
    where
        %(is_part)s
        and object_role <> 'person'
        and (%(channel)s::text is null or channel_username = %(channel)s)
        and (%(first)s::date is null or message_date >= %(first)s)
        and (%(last)s::date is null or message_date <= %(last)s)
    group by detected_object_class, image_sha256, box_number
),

counted as (
    select
        detected_object_class,
        detection_count,
        1 as distinct_detection_count
    from boxes

    union all

    select
        detected_object_class,
        detection_count,
        distinct_detection_count
    from marts.mart_detected_classes
    where
        not %(is_part)s
        and object_role <> 'person'
),

classes as (
    select
        detected_object_class,
        sum(detection_count)::bigint as detection_count,
        sum(distinct_detection_count)::bigint as distinct_detection_count
    from counted
    group by detected_object_class
),

ranked as (
    select
        *,
        case when %(is_distinct)s then distinct_detection_count else detection_count end as place
    from classes
)

select
    detected_object_class,
    detection_count,
    distinct_detection_count
from ranked
where
    %(after_count)s::bigint is null
    or place < %(after_count)s
    or (place = %(after_count)s and detected_object_class > %(after_name)s::text)
order by place desc, detected_object_class
limit %(limit)s
