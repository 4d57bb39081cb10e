-- People are on pictures too, but they are no product.
select
    detected_object_class,
    count(*) as detection_count
from marts.fct_image_detections
where object_role <> 'person'
group by detected_object_class
order by detection_count desc, detected_object_class
limit %(limit)s
