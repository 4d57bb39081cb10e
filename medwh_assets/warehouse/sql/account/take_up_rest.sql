delete from ops.telegram_rest
using unnest(%(channels)s::text[], %(days)s::date[]) as slices (channel_username, slice_date)
where
    telegram_rest.channel_username = slices.channel_username
    and telegram_rest.slice_date = slices.slice_date
