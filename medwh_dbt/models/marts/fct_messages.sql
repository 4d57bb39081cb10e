{{ config(
    pre_hook="{{ delete_touched('message_date', ref('stg_telegram_messages'), 'message_date') }}",
    post_hook="{{ trigram_index('message_text') }}",
    indexes=[
        {'columns': ['channel_username', 'message_id'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['message_timestamp_utc', 'message_pk']},
        {'columns': ['image_sha256']},
    ],
) }}

with

posts as (
    select * from {{ ref('stg_telegram_messages') }}
    {% if is_incremental() %}
    where (channel_username, message_date) in ({{ touched_slices() }})
    {% endif %}
),

-- An image that the detector could not read is no image here.
boxes as (
    select * from {{ ref('stg_yolo_detections') }}
    where
        detection_status = 'ok'
        {% if is_incremental() %}
        and (channel_username, image_date) in ({{ touched_slices() }})
        {% endif %}
),

classes as (
    select * from {{ ref('dim_detected_classes') }}
),

image_categories as (
    select * from {{ ref('image_categories') }}
),

images as (
    select
        boxes.channel_username,
        boxes.message_id,
        boxes.image_date,
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
        boxes.channel_username,
        boxes.message_id,
        boxes.image_date,
        boxes.image_path,
        boxes.image_sha256
),

messages as (
    select
        posts.message_pk,
        {{ surrogate_key(['posts.channel_username']) }} as channel_pk,
        {{ date_key('posts.message_date') }} as date_pk,
        posts.channel_username,
        posts.message_id,
        posts.grouped_id,

        posts.message_text,
        posts.media_type,
        image_categories.image_category,
        images.image_path,
        images.image_sha256,

        coalesce(posts.views_count, 0) as views_count,
        coalesce(posts.forwards_count, 0) as forwards_count,
        coalesce(posts.replies_count, 0) as replies_count,

        coalesce(posts.views_count, posts.forwards_count, posts.replies_count) is not null as has_counters,
        coalesce(posts.media_type <> 'webpage', false) as has_media,
        coalesce(posts.media_type = 'photo', false) as is_photo,
        coalesce(posts.media_type = 'document', false) as is_document,
        images.image_path is not null as has_image,
        posts.is_service,

        posts.message_date,
        posts.message_timestamp_utc,
        posts.edit_date,
        posts.missing_since
    from posts
    -- A slice's images belong to that slice's posts: what a day's rows are made of is that day alone.
    left join images
        on
            posts.channel_username = images.channel_username
            and posts.message_id = images.message_id
            and posts.message_date = images.image_date
    left join image_categories
        on
            images.shows_person = image_categories.shows_person
            and images.shows_product = image_categories.shows_product
)

select * from messages
