-- An attempt that ended earlier may be noted later; the newest one counts.
insert into ops.telegram_channels as kept (account, channel_username, status, detail, noted_at, last_ok_at)
values (
    %(account)s,
    %(channel)s,
    %(status)s,
    %(detail)s,
    %(at)s,
    case when %(status)s in ('ok', 'empty', 'renamed') then %(at)s::timestamptz end
)
on conflict (account, channel_username) do update set
    status = case when excluded.noted_at >= kept.noted_at then excluded.status else kept.status end,
    detail = case when excluded.noted_at >= kept.noted_at then excluded.detail else kept.detail end,
    noted_at = greatest(excluded.noted_at, kept.noted_at),
    last_ok_at = greatest(excluded.last_ok_at, kept.last_ok_at)
