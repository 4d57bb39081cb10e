insert into ops.telegram_cooldowns (account, realm, cools_until, reason)
values (%(account)s, %(realm)s, %(until)s, %(reason)s)
on conflict (account, realm, cools_until) do nothing
