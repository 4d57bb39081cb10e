insert into ops.lake_seen (kind, channel_username, slice_date, content_sha256, record_count)
values (%(kind)s, %(channel)s, %(date)s, %(sha256)s, %(records)s)
