-- Loads of one channel's rows take turns until the transaction ends. They do not wait for the disk:
-- if the machine dies, a slice and its ledger row are lost together and the lake still has them, and
-- a finished build, which does wait, is never on disk before the loads that it holds. Plans are made
-- for the values at hand: a plan for any channel scans the whole table where one channel dominates
-- (measured: 10 ms instead of 0.1 ms in a table of 40,000 rows).
select
    set_config('synchronous_commit', 'off', true) as commit_mode,
    set_config('plan_cache_mode', 'force_custom_plan', true) as plan_mode,
    pg_advisory_xact_lock(hashtextextended(%(table_name)s || '|' || %(channel)s, 0)) as turn
