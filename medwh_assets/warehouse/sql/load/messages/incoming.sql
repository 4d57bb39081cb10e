create temporary table if not exists incoming_messages
(like raw.telegram_messages including defaults)
on commit delete rows
