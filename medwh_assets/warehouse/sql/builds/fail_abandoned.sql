-- Whoever holds the turn is the only builder, so what still runs belongs to the dead.
update ops.builds
set
    status = 'failed',
    finished_at = now()
where status = 'running'
