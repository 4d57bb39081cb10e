-- Pictures that were looked at, whose post is not in `raw`.
select
    detections.channel_username,
    detections.image_date,
    count(*) as pictures
from raw.yolo_detections as detections
left join raw.telegram_messages as messages
    on
        detections.channel_username = messages.channel_username
        and detections.message_id = messages.message_id
where messages.message_id is null
group by detections.channel_username, detections.image_date
order by detections.channel_username, detections.image_date
