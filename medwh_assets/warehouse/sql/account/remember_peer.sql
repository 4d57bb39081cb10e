insert into ops.telegram_peers (account, channel_username, channel_id, access_hash, username)
values (%(account)s, %(channel)s, %(channel_id)s, %(access_hash)s, %(username)s)
on conflict (account, channel_username) do update set
    channel_id = excluded.channel_id,
    access_hash = excluded.access_hash,
    username = excluded.username,
    noted_at = excluded.noted_at
