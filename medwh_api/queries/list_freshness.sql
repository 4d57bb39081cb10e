select
    channel_username,
    is_live,
    status,
    last_read_at,
    last_attempt_status,
    last_attempt_at,
    newest_message_date,
    last_loaded_at,
    round(age_hours::numeric, 2)::float8 as age_hours,
    warn_after_hours::float8 as warn_after_hours,
    fail_after_hours::float8 as fail_after_hours
from ops.freshness
where %(after_channel)s::text is null or channel_username > %(after_channel)s
order by channel_username
limit %(limit)s
