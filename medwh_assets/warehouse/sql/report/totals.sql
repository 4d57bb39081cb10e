select
    count(*) as posts,
    count(distinct channel_username) as channels,
    count(distinct message_date) as days,
    count(*) filter (where has_image) as images,
    count(distinct image_sha256) as distinct_images,
    (select count(*) from marts.fct_image_detections) as detections
from marts.fct_messages
