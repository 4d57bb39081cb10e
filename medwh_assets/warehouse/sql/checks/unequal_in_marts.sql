-- Slices whose loads are all built, and of which `marts.fct_messages` has more or fewer posts than `raw`.
with built as (
    select build_loads.load_id
    from ops.build_loads
    inner join ops.builds on build_loads.build_id = builds.build_id
    where builds.status = 'done'
),

waiting as (
    select distinct
        loads.channel_username,
        loads.slice_date
    from raw.loads
    left join built on loads.load_id = built.load_id
    where built.load_id is null
),

stored as (
    select
        channel_username,
        message_date as slice_date,
        count(*) as row_count
    from raw.telegram_messages
    group by channel_username, message_date
),

facts as (
    select
        channel_username,
        message_date as slice_date,
        count(*) as row_count
    from marts.fct_messages
    group by channel_username, message_date
),

compared as (
    select
        coalesce(stored.channel_username, facts.channel_username) as channel_username,
        coalesce(stored.slice_date, facts.slice_date) as slice_date,
        coalesce(stored.row_count, 0) as raw_count,
        coalesce(facts.row_count, 0) as fact_count
    from stored
    full outer join facts
        on
            stored.channel_username = facts.channel_username
            and stored.slice_date = facts.slice_date
)

select
    compared.channel_username,
    compared.slice_date,
    compared.raw_count,
    compared.fact_count,
    count(*) over () as slices
from compared
left join waiting
    on
        compared.channel_username = waiting.channel_username
        and compared.slice_date = waiting.slice_date
where compared.raw_count <> compared.fact_count and waiting.channel_username is null
order by compared.channel_username, compared.slice_date
limit %(most)s
