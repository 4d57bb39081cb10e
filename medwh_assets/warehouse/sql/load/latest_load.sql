select
    content_sha256,
    model,
    row_count
from raw.loads
where
    table_name = %(table_name)s
    and channel_username = %(channel)s
    and slice_date = %(date)s
order by load_id desc
limit 1
