select
    seen_id,
    kind,
    channel_username,
    slice_date,
    content_sha256,
    record_count
from ops.lake_seen
where seen_id > %(seen_id)s
order by seen_id
limit %(most)s
