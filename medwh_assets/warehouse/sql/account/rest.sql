select
    channel_username,
    slice_date
from ops.telegram_rest
order by channel_username, slice_date
