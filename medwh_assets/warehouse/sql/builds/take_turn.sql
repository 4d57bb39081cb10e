-- Builds take turns. The lock is the session's: it goes when the builder dies.
select pg_advisory_lock(%(lock)s)
