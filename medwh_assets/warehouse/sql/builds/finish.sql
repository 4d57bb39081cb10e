-- What was built is told by the models and the newest load of each slice, so the same lake built again
-- by the same models has the same hash.
with built as (
    select distinct on (loads.table_name, loads.channel_username, loads.slice_date)
        loads.table_name,
        loads.channel_username,
        loads.slice_date,
        loads.content_sha256,
        loads.model
    from raw.loads
    where exists (
        select
        from ops.build_loads
        inner join ops.builds on build_loads.build_id = builds.build_id
        where
            build_loads.load_id = loads.load_id
            and (builds.status = 'done' or builds.build_id = %(build_id)s)
    )
    order by
        loads.table_name asc,
        loads.channel_username asc,
        loads.slice_date asc,
        loads.load_id desc
),

content as (
    select
        string_agg(
            concat_ws(' ', table_name, channel_username, slice_date, content_sha256, model),
            E'\n'
            order by table_name collate "C", channel_username collate "C", slice_date
        ) as slices
    from built
)

update ops.builds
set
    status = %(status)s,
    finished_at = now(),
    content_sha256 = case
        when %(status)s = 'done'
            then encode(
                sha256(convert_to(concat(builds.models_sha256, E'\n', content.slices), 'UTF8')), 'hex'
            )
    end
from content
where
    builds.build_id = %(build_id)s
    and builds.status = 'running'
