insert into ops.telegram_sessions (session, user_id)
values (%(session)s, %(user_id)s)
on conflict (session) do update set user_id = excluded.user_id
