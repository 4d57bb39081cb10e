-- Those who set up one database take turns; the lock goes with the session.
select pg_advisory_lock(%(lock)s)
