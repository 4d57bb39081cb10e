-- The days on which these posts stand now. The ids of a slice lie close together, so their range is
-- read from the primary key (`offset 0` keeps the rest of the question out of that decision: with it
-- the planner reads a whole channel that the statistics do not know yet, 1.7 instead of 0.05 ms).
select distinct in_range.message_date
from (
    select
        message_id,
        message_date
    from raw.post_extractions
    where
        channel_username = %(channel)s
        and message_id between %(first_id)s and %(last_id)s
    offset 0
) as in_range
where in_range.message_id = any(%(message_ids)s::bigint[])
