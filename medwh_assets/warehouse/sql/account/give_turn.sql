select pg_advisory_unlock(hashtextextended('telegram|' || %(account)s, 0))
