select
    detected_object_class,
    object_role,
    count(*) as detections,
    count(distinct message_pk) as posts
from marts.fct_image_detections
group by detected_object_class, object_role
order by detections desc, detected_object_class
limit 20
