-- Only what still belongs to the slice: an image that moved to another day has that day's date.
delete from raw.yolo_detections
where
    channel_username = %(channel)s
    and image_date = %(date)s
    and message_id <> all(%(message_ids)s::bigint[])
