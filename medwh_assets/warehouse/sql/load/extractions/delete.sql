delete from raw.post_extractions
where
    channel_username = %(channel)s
    and message_date = %(date)s
