-- The loads that no finished build holds: how many, which is the newest, and when they came.
select
    count(*) as loads,
    coalesce(max(loads.load_id), 0) as newest_load,
    min(loads.loaded_at) as oldest_at,
    max(loads.loaded_at) as newest_at
from raw.loads
where not exists (
    select
    from ops.build_loads
    inner join ops.builds on build_loads.build_id = builds.build_id
    where
        build_loads.load_id = loads.load_id
        and builds.status = 'done'
)
