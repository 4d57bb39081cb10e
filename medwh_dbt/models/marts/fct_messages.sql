{{ config(
    pre_hook="{{ delete_touched_posts() }}",
    indexes=[
        {'columns': ['channel_username', 'message_id'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['message_timestamp_utc', 'message_pk']},
        {'columns': ['image_sha256']},
        {'columns': ['distinct_message_key']},
        {'columns': ['message_text gin_trgm_ops'], 'type': 'gin'},
    ],
) }}

with

posts as (
    select * from {{ ref('stg_telegram_messages') }}
    {% if is_incremental() %}
    where message_pk in ({{ touched_posts() }})
    {% endif %}
),

traits as (
    select * from {{ ref('int_post_traits') }}
),

-- An image that the detector could not read is no image here. A slice's images belong to that
-- slice's posts: what a day's rows are made of is that day alone.
boxes as (
    select
        posts.message_pk,
        boxes.image_path,
        boxes.image_sha256,
        boxes.detection_model_name,
        boxes.detected_object_class
    from {{ ref('stg_yolo_detections') }} as boxes
    inner join posts
        on
            boxes.channel_username = posts.channel_username
            and boxes.message_id = posts.message_id
            and boxes.image_date = posts.message_date
    where boxes.detection_status = 'ok'
),

classes as (
    select * from {{ ref('dim_detected_classes') }}
),

image_categories as (
    select * from {{ ref('image_categories') }}
),

images as (
    select
        boxes.message_pk,
        boxes.image_path,
        boxes.image_sha256,
        coalesce(bool_or(classes.object_role = 'person'), false) as shows_person,
        coalesce(bool_or(classes.object_role = 'product'), false) as shows_product
    from boxes
    left join classes
        on
            boxes.detection_model_name = classes.detection_model_name
            and boxes.detected_object_class = classes.detected_object_class
    group by
        boxes.message_pk,
        boxes.image_path,
        boxes.image_sha256
),

-- Views are read when they are read. At an age between two readings, the first of which is at most a
-- day younger and the second less than a day older, they are taken to have grown evenly.
views_at_ages as (
    select
        observations.message_pk,
        ages.age_days,
        round(
            observations.views_count - coalesce(
                observations.views_change
                * extract(epoch from observations.observed_at - ages.reached_at)
                / extract(epoch from observations.observed_at - observations.previous_observed_at),
                0
            )
        )::bigint as views_count
    from {{ ref('fct_message_observations') }} as observations
    cross join
        lateral (
            values
            (1, observations.message_timestamp_utc + interval '24 hours'),
            (7, observations.message_timestamp_utc + interval '168 hours')
        ) as ages (age_days, reached_at)
    where
        observations.views_count is not null
        and (
            observations.observed_at = ages.reached_at
            or (
                observations.observed_at > ages.reached_at
                and observations.observed_at < ages.reached_at + interval '24 hours'
                and observations.previous_observed_at < ages.reached_at
                and observations.previous_observed_at >= ages.reached_at - interval '24 hours'
            )
        )
        {% if is_incremental() %}
        and observations.message_pk in (select posts.message_pk from posts)
        {% endif %}
),

aged_views as (
    select
        message_pk,
        min(views_count) filter (where age_days = 1) as views_24h,
        min(views_count) filter (where age_days = 7) as views_7d
    from views_at_ages
    group by message_pk
),

messages as (
    select
        posts.message_pk,
        {{ surrogate_key(['posts.channel_username']) }} as channel_pk,
        {{ date_key('posts.message_date') }} as date_pk,
        posts.channel_username,
        posts.message_id,
        posts.grouped_id,
        posts.reply_to_message_id,
        posts.forwarded_from_channel,
        posts.forwarded_from_message_id,
        coalesce(traits.distinct_message_key, posts.message_pk) as distinct_message_key,
        nullif(traits.first_message_pk, posts.message_pk) as repost_of,

        posts.message_text,
        coalesce(traits.language, 'none') as language, -- noqa: RF04
        coalesce(traits.post_kind, 'other') as post_kind,
        posts.media_type,
        image_categories.image_category,
        images.image_path,
        images.image_sha256,

        coalesce(posts.views_count, 0) as views_count,
        coalesce(posts.forwards_count, 0) as forwards_count,
        coalesce(posts.replies_count, 0) as replies_count,
        coalesce(posts.reactions_count, 0) as reactions_count,
        aged_views.views_24h,
        aged_views.views_7d,

        coalesce(posts.views_count, posts.forwards_count, posts.replies_count) is not null as has_counters,
        coalesce(posts.media_type <> 'webpage', false) as has_media,
        coalesce(posts.media_type = 'photo', false) as is_photo,
        coalesce(posts.media_type = 'document', false) as is_document,
        images.image_path is not null as has_image,
        posts.is_service,
        posts.is_forward,
        coalesce(traits.first_message_pk <> posts.message_pk, false) as is_repost,

        posts.message_date,
        posts.message_timestamp_utc,
        posts.edit_date,
        posts.missing_since
    from posts
    left join traits
        on
            posts.message_pk = traits.message_pk
            and posts.message_date = traits.message_date
    left join images on posts.message_pk = images.message_pk
    left join image_categories
        on
            images.shows_person = image_categories.shows_person
            and images.shows_product = image_categories.shows_product
    left join aged_views on posts.message_pk = aged_views.message_pk
)

select * from messages
