-- Newest first. The page after a cursor starts below its (time, key): no OFFSET, page 1,000 costs
-- what page 1 costs.
select
    message_pk,
    channel_username,
    message_id::bigint as message_id,
    message_timestamp_utc,
    message_text,
    views_count::bigint as views_count,
    forwards_count::bigint as forwards_count,
    replies_count::bigint as replies_count,
    has_counters,
    has_image,
    image_category
from marts.fct_messages
where
    message_text ilike %(pattern)s
    and (%(channel)s::text is null or channel_username = %(channel)s)
    and (
        %(after_time)s::timestamptz is null
        or (message_timestamp_utc, message_pk) < (%(after_time)s, %(after_pk)s::text)
    )
order by message_timestamp_utc desc, message_pk desc
limit %(limit)s
