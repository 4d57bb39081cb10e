-- Only what still belongs to the slice: a post that moved to another day has that day's date.
delete from raw.post_extractions
where
    channel_username = %(channel)s
    and message_date = %(date)s
    and message_id <> all(%(message_ids)s::bigint[])
