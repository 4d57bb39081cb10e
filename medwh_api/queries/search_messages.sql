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
    image_sha256,
    image_category,
    is_repost
from marts.fct_messages
where
    message_text ilike %(pattern)s
    and (%(channel)s::text is null or channel_username = %(channel)s)
    and (%(has_image)s::boolean is null or has_image = %(has_image)s)
    and (
        %(first)s::date is null
        or message_timestamp_utc >= (%(first)s::date)::timestamptz
    )
    and (
        %(last)s::date is null
        or message_timestamp_utc < (%(last)s::date + 1)::timestamptz
    )
    and (
        %(after_time)s::timestamptz is null
        or (message_timestamp_utc, message_pk) < (%(after_time)s, %(after_message)s::text)
    )
order by message_timestamp_utc desc, message_pk desc
limit %(limit)s
