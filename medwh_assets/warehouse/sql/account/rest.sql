-- While no names may be looked up, only channels whose address is known can be read.
select
    rest.channel_username,
    rest.slice_date
from ops.telegram_rest as rest
where
    exists (
        select 1
        from ops.telegram_peers as peers
        where
            peers.account = %(account)s
            and peers.channel_username = rest.channel_username
    )
    or not exists (
        select 1
        from ops.telegram_cooldowns as cooldowns
        where
            cooldowns.account = %(account)s
            and cooldowns.realm = 'names'
            and cooldowns.cools_until > now()
    )
order by rest.channel_username, rest.slice_date
