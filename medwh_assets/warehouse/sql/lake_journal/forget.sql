delete from ops.lake_files
where kind = %(kind)s and channel_username = %(channel)s and slice_date = %(date)s
