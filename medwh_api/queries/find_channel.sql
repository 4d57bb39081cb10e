select 1 as known
from marts.dim_channels
where channel_username = %(channel)s
