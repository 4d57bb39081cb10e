delete from raw.telegram_messages
where
    channel_username = %(channel)s
    and message_date = %(date)s
