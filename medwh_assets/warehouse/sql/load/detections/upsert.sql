-- The incoming table has the columns of the kept one, in the same order: it was made like it.
insert into raw.yolo_detections as kept
select * from incoming_detections -- noqa: AM04
on conflict (channel_username, message_id) do update set
    image_date = excluded.image_date,
    image_sha256 = excluded.image_sha256,
    model = excluded.model,
    detection_data = excluded.detection_data,
    load_id = excluded.load_id,
    loaded_at = excluded.loaded_at
where
    (kept.image_date, kept.image_sha256, kept.model, kept.detection_data)
    is distinct from (excluded.image_date, excluded.image_sha256, excluded.model, excluded.detection_data)
