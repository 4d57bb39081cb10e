-- Any post's copy: the oldest may lie in a channel that was taken out of the lake since.
select
    image_path,
    image_sha256
from marts.fct_messages
where image_sha256 = %(image_sha256)s
order by message_timestamp_utc, message_pk
limit 5
