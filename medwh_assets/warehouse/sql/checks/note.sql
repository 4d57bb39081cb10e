insert into ops.check_results (asset, check_name, passed, severity, is_blocking, description, details)
values (
    %(asset)s, %(check_name)s, %(passed)s, %(severity)s, %(is_blocking)s, %(description)s, %(details)s::jsonb
)
on conflict (asset, check_name) do update
    set
        passed = excluded.passed,
        severity = excluded.severity,
        is_blocking = excluded.is_blocking,
        description = excluded.description,
        details = excluded.details,
        checked_at = now()
