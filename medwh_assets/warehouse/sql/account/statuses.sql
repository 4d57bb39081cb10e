select
    channel_username,
    status,
    detail,
    noted_at,
    last_ok_at
from ops.channel_status
order by channel_username
