{{ config(
    pre_hook="{{ delete_images_of_touched_channels() }}",
    indexes=[{'columns': ['image_group_key']}],
) }}

with

-- An image's row depends on every post that shows it, in whichever channel.
posts as (
    select
        fct_messages.image_sha256,
        fct_messages.image_path,
        fct_messages.image_category,
        fct_messages.message_pk,
        fct_messages.channel_pk,
        fct_messages.channel_username,
        fct_messages.message_id,
        fct_messages.message_date,
        fct_messages.message_timestamp_utc
    from {{ ref('fct_messages') }} as fct_messages
    where
        fct_messages.has_image
        {% if is_incremental() %}
        and not exists (
            select 1 from {{ this }} as kept
            where kept.image_sha256 = fct_messages.image_sha256
        )
        {% endif %}
),

-- One row per post's image: its best box, or the row that says that there is none.
looks as (
    select
        channel_username,
        message_id,
        image_date,
        perceptual_hash,
        image_type,
        image_bytes,
        image_width,
        image_height
    from {{ ref('stg_yolo_detections') }}
    where
        detection_status = 'ok'
        and box_number <= 1
),

first_posts as (
    select distinct on (image_sha256)
        image_sha256,
        image_path,
        message_pk,
        channel_pk,
        channel_username,
        message_timestamp_utc
    from posts
    order by image_sha256 asc, message_timestamp_utc asc, message_pk asc
),

posts_looked_at as (
    select
        posts.*,
        looks.perceptual_hash,
        looks.image_type,
        looks.image_bytes,
        looks.image_width,
        looks.image_height
    from posts
    inner join looks
        on
            posts.channel_username = looks.channel_username
            and posts.message_id = looks.message_id
            and posts.message_date = looks.image_date
),

-- Looks of an earlier medwh lack what was added since, so the one that tells counts.
appearances as (
    select
        image_sha256,
        min(perceptual_hash) as perceptual_hash,
        (array_agg(image_category order by message_timestamp_utc desc, message_pk desc))[1] as image_category,
        string_agg(
            distinct channel_username collate "C", ', ' order by channel_username collate "C"
        ) as channel_usernames,
        min(image_type) as image_type,
        max(image_bytes) as image_bytes,
        max(image_width) as image_width,
        max(image_height) as image_height,
        count(*) as times_posted,
        count(distinct channel_username) as channel_count,
        max(message_timestamp_utc) as last_seen_at
    from posts_looked_at
    group by image_sha256
),

images as (
    select
        first_posts.image_sha256,
        -- Equal hashes alone. Of 235 real pictures 9 pairs have equal ones, and all 9 show the same; the
        -- next nearest, at a few bits' distance, are different products in like packaging.
        -- The hash of a picture of one colour says nothing.
        coalesce(
            nullif(appearances.perceptual_hash, '8000000000000000'), first_posts.image_sha256
        ) as image_group_key,
        first_posts.message_pk as first_message_pk,
        first_posts.channel_pk as first_channel_pk,
        first_posts.channel_username as first_channel_username,

        appearances.perceptual_hash,
        appearances.image_category,
        first_posts.image_path,
        appearances.image_type,
        appearances.channel_usernames,

        appearances.image_bytes,
        appearances.image_width,
        appearances.image_height,
        appearances.times_posted,
        appearances.channel_count,

        first_posts.message_timestamp_utc as first_seen_at,
        appearances.last_seen_at
    from first_posts
    inner join appearances on first_posts.image_sha256 = appearances.image_sha256
)

select * from images
