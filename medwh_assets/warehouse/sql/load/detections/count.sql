select count(*)
from raw.yolo_detections
where
    channel_username = %(channel)s
    and image_date = %(date)s
