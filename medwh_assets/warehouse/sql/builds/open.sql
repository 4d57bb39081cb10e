-- One statement, one snapshot: the loads that are committed now and stand in no finished build. Models
-- that are not those of the build before have to be built from nothing, and what was begun from nothing
-- has to be ended so: half of the models may know nothing of how the other half was.
with before as (
    select
        build_id,
        models_sha256
    from ops.builds
    where status = 'done'
    order by build_id desc
    limit 1
),

opened as (
    insert into ops.builds (status, full_refresh, models_sha256)
    values (
        'running',
        %(full_refresh)s
        or exists (select from before where models_sha256 is distinct from %(models_sha256)s)
        or exists (
            select
            from ops.builds
            where
                full_refresh
                and build_id > coalesce((select before.build_id from before), 0)
        ),
        %(models_sha256)s
    )
    returning
        build_id,
        full_refresh
),

fixed as (
    insert into ops.build_loads (build_id, load_id)
    select
        opened.build_id,
        loads.load_id
    from opened
    cross join raw.loads
    where not exists (
        select
        from ops.build_loads
        inner join ops.builds on build_loads.build_id = builds.build_id
        where
            build_loads.load_id = loads.load_id
            and builds.status = 'done'
    )
)

select
    build_id,
    full_refresh
from opened
