select
    detected_object_class,
    count(*) as detections,
    count(distinct message_pk) as posts
from marts.fct_image_detections
where object_role != 'person'
group by detected_object_class
order by detections desc, detected_object_class
limit 5
