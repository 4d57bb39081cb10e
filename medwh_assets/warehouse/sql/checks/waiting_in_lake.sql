-- Slices that lie in the lake otherwise than they were loaded.
with ledger as (
    select distinct on (channel_username, slice_date)
        channel_username,
        slice_date,
        content_sha256
    from raw.loads
    where table_name = 'telegram_messages'
    order by channel_username asc, slice_date asc, load_id desc
)

select count(*)
from ops.lake_files
left join ledger
    on
        lake_files.channel_username = ledger.channel_username
        and lake_files.slice_date = ledger.slice_date
where
    lake_files.kind = 'messages'
    and lake_files.content_sha256 is distinct from ledger.content_sha256
