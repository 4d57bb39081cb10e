insert into ops.channel_deadlines (channel_username, warn_after, fail_after)
values (%(channel)s, make_interval(secs => %(warn)s), make_interval(secs => %(fail)s))
on conflict (channel_username) do update
    set
        warn_after = excluded.warn_after,
        fail_after = excluded.fail_after
    where
        channel_deadlines.warn_after <> excluded.warn_after
        or channel_deadlines.fail_after <> excluded.fail_after
