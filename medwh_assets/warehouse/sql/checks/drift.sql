-- Names in the newest records that the pipeline does not know, and versions of their shape that it does not.
with newest as (
    select distinct
        channel_username,
        slice_date
    from (
        select
            channel_username,
            slice_date
        from raw.loads
        where table_name = 'telegram_messages'
        order by load_id desc
        limit %(loads)s
    ) as loads
),

records as (
    select messages.message_data
    from newest
    inner join raw.telegram_messages as messages
        on
            newest.slice_date = messages.message_date
            and newest.channel_username = messages.channel_username
),

names as (
    select found.name
    from records
    cross join lateral jsonb_object_keys(records.message_data) as found (name)
    union all
    select 'schema_version ' || coalesce(records.message_data ->> 'schema_version', 'missing')
    from records
)

select
    name,
    count(*) as records
from names
where not (name = any(%(known)s))
group by name
order by name
