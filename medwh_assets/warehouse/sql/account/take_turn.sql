-- One Telegram operation at a time for each account. The turn is the session's: it goes when the holder dies.
select pg_advisory_lock(hashtextextended('telegram|' || %(account)s, 0))
