-- One statement, one snapshot: the loads that are committed now and stand in no finished build.
with opened as (
    insert into ops.builds (status, full_refresh)
    values ('running', %(full_refresh)s)
    returning build_id
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

select build_id from opened
