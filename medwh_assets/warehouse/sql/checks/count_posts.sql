select count(*) from raw.telegram_messages
