-- Every post of a picture has the same boxes.
select
    detected_object_class,
    confidence_score,
    box_top_left_x,
    box_top_left_y,
    box_width,
    box_height,
    image_width,
    image_height
from marts.fct_image_detections
where
    message_pk = (
        select message_pk
        from marts.fct_messages
        where image_sha256 = %(image_sha256)s
        order by message_timestamp_utc desc, message_pk desc
        limit 1
    )
order by box_number
limit 300
