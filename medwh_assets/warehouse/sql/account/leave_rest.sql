insert into ops.telegram_rest (channel_username, slice_date)
select
    slices.channel_username,
    slices.slice_date
from unnest(%(channels)s::text[], %(days)s::date[]) as slices (channel_username, slice_date)
on conflict (channel_username, slice_date) do nothing
