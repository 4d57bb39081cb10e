-- Pictures, by channel and message, whose post is not in `raw`.
select distinct
    pictures.channel_username,
    pictures.message_id
from unnest(%(channels)s::text [], %(message_ids)s::bigint []) as pictures (channel_username, message_id)
left join raw.telegram_messages as messages
    on
        pictures.channel_username = messages.channel_username
        and pictures.message_id = messages.message_id
where messages.message_id is null
order by pictures.channel_username, pictures.message_id
