delete from ops.channel_deadlines
where not (channel_username = any(%(channels)s))
