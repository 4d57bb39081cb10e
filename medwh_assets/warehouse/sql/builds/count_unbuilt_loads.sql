select count(*)
from raw.loads
where not exists (
    select
    from ops.build_loads
    inner join ops.builds on build_loads.build_id = builds.build_id
    where
        build_loads.load_id = loads.load_id
        and builds.status = 'done'
)
