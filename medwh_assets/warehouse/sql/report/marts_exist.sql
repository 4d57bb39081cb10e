select to_regclass('marts.fct_messages') is not null and to_regclass('marts.fct_image_detections') is not null
