select
    channel_username,
    is_live,
    status,
    last_read_at,
    last_attempt_status,
    newest_message_date,
    age_hours,
    warn_after_hours,
    fail_after_hours
from ops.freshness
order by channel_username
