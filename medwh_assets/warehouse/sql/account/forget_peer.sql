delete from ops.telegram_peers
where
    account = %(account)s
    and channel_username = %(channel)s
