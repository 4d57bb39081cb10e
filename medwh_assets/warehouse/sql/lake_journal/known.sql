select
    kind,
    channel_username,
    slice_date,
    stamp,
    content_sha256
from ops.lake_files
