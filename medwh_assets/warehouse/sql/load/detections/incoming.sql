create temporary table if not exists incoming_detections
(like raw.yolo_detections including defaults)
on commit delete rows
