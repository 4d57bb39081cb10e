-- Every mart exists and this role may read it; no row is read.
select 1 as readable
from marts.dim_channels, marts.dim_dates, marts.fct_messages, marts.fct_image_detections
limit 0
