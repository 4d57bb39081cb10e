insert into ops.telegram_cooldowns (account, cools_until, reason)
values (%(account)s, %(until)s, %(reason)s)
on conflict (account, cools_until) do nothing
