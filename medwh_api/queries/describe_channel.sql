select
    channel_username,
    channel_spelling,
    channel_title,
    channel_about,
    channel_aliases,
    channel_id::bigint as channel_id,
    subscribers_count::bigint as subscribers_count,
    message_count::bigint as message_count,
    distinct_message_count::bigint as distinct_message_count,
    sale_message_count::bigint as sale_message_count,
    education_message_count::bigint as education_message_count,
    training_message_count::bigint as training_message_count,
    vacancy_message_count::bigint as vacancy_message_count,
    other_message_count::bigint as other_message_count,
    image_count::bigint as image_count,
    active_days::bigint as active_days,
    average_views::float8 as average_views,
    average_forwards::float8 as average_forwards,
    average_replies::float8 as average_replies,
    average_reactions::float8 as average_reactions,
    views_per_subscriber::float8 as views_per_subscriber,
    first_post_at,
    last_post_at
from marts.dim_channels
where
    channel_username = %(channel)s
    and message_count > 0
