-- The present content of every slice that was ever loaded.
select distinct on (channel_username, slice_date)
    channel_username,
    slice_date,
    content_sha256,
    model,
    row_count
from raw.loads
where table_name = %(table_name)s
order by channel_username asc, slice_date asc, load_id desc
