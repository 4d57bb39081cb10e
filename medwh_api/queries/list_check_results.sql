select
    asset,
    check_name,
    passed,
    severity,
    is_blocking,
    description,
    details,
    checked_at
from ops.check_results
where
    (%(passed)s::boolean is null or passed = %(passed)s)
    and (
        %(after_asset)s::text is null
        or (asset, check_name) > (%(after_asset)s, %(after_check)s::text)
    )
order by asset, check_name
limit %(limit)s
