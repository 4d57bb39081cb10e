-- Slices of which the ledger says other than what lies in `raw`, or the lake other than what was loaded
-- from the same file.
with ledger as (
    select distinct on (channel_username, slice_date)
        channel_username,
        slice_date,
        content_sha256,
        row_count
    from raw.loads
    where table_name = 'telegram_messages'
    order by channel_username asc, slice_date asc, load_id desc
),

stored as (
    select
        channel_username,
        message_date as slice_date,
        count(*) as row_count
    from raw.telegram_messages
    group by channel_username, message_date
),

compared as (
    select
        coalesce(ledger.channel_username, stored.channel_username) as channel_username,
        coalesce(ledger.slice_date, stored.slice_date) as slice_date,
        coalesce(ledger.row_count, 0) as loaded_count,
        coalesce(stored.row_count, 0) as raw_count,
        lake_files.record_count as lake_count
    from ledger
    full outer join stored
        on
            ledger.channel_username = stored.channel_username
            and ledger.slice_date = stored.slice_date
    left join ops.lake_files
        on
            lake_files.kind = 'messages'
            and ledger.channel_username = lake_files.channel_username
            and ledger.slice_date = lake_files.slice_date
            and ledger.content_sha256 = lake_files.content_sha256
)

select
    channel_username,
    slice_date,
    lake_count,
    loaded_count,
    raw_count,
    count(*) over () as slices
from compared
where loaded_count <> raw_count or lake_count <> loaded_count
order by channel_username, slice_date
limit %(most)s
