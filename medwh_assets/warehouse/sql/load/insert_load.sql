insert into raw.loads (table_name, channel_username, slice_date, content_sha256, row_count, model)
values (%(table_name)s, %(channel)s, %(date)s, %(content_sha256)s, %(row_count)s, %(model)s)
returning load_id
