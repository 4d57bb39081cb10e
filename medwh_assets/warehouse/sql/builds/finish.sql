update ops.builds
set
    status = %(status)s,
    finished_at = now()
where
    build_id = %(build_id)s
    and status = 'running'
