update raw.telegram_messages
set versions_masked = %(versions)s::text []
where
    channel_username = %(channel)s
    and message_id = %(message_id)s
