select pg_try_advisory_lock(hashtextextended('telegram|' || %(account)s, 0))
