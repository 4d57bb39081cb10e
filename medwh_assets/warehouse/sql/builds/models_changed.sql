-- Whether the marts were built last by other models; not where nothing was ever built.
select coalesce(
    (
        select models_sha256 is distinct from %(models_sha256)s
        from ops.builds
        where status = 'done'
        order by build_id desc
        limit 1
    ),
    false
)
