delete from raw.channel_facts
where
    channel_username = %(channel)s
    and observed_date = %(date)s
