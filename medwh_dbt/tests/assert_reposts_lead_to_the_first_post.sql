{{ config(meta={'dagster': {'ref': {'name': 'fct_messages'}}}) }}

-- A repost is returned whose original says something else, is a repost itself, or came later; and a
-- message that a channel says first in more than one post.
select reposts.message_pk
from {{ ref('fct_messages') }} as reposts
left join {{ ref('fct_messages') }} as originals on reposts.repost_of = originals.message_pk
where
    reposts.is_repost
    and (
        originals.message_pk is null
        or originals.distinct_message_key <> reposts.distinct_message_key
        or originals.channel_username <> reposts.channel_username
        or originals.is_repost
        or (originals.message_date, originals.message_id) >= (reposts.message_date, reposts.message_id)
    )
union all
select min(message_pk) as message_pk
from {{ ref('fct_messages') }}
where not is_repost
group by distinct_message_key
having count(*) > 1
