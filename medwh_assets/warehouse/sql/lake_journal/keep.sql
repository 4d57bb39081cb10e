insert into ops.lake_files (kind, channel_username, slice_date, stamp, content_sha256, record_count)
values (%(kind)s, %(channel)s, %(date)s, %(stamp)s, %(sha256)s, %(records)s)
on conflict (kind, channel_username, slice_date) do update
    set
        stamp = excluded.stamp,
        content_sha256 = excluded.content_sha256,
        record_count = excluded.record_count,
        looked_at = now()
