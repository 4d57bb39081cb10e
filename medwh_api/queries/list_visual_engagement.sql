select
    image_category,
    measure,
    channel_count::bigint as channel_count,
    message_count::bigint as message_count,
    median_ratio::float8 as median_ratio,
    ratio_low::float8 as ratio_low,
    ratio_high::float8 as ratio_high,
    distinct_message_count::bigint as distinct_message_count,
    distinct_median_ratio::float8 as distinct_median_ratio,
    distinct_ratio_low::float8 as distinct_ratio_low,
    distinct_ratio_high::float8 as distinct_ratio_high
from marts.mart_visual_engagement
where
    %(after_measure)s::text is null
    or (measure, image_category) > (%(after_measure)s, %(after_category)s::text)
order by measure, image_category
limit %(limit)s
