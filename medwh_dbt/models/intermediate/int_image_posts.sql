{{ config(
    incremental_strategy='delete+insert',
    unique_key='image_post_key',
    pre_hook="{{ delete_settled('is_shown') }}",
    indexes=[
        {'columns': ['image_post_key'], 'unique': true},
        {'columns': ['message_pk']},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['changed_in_build']},
    ],
) }}

with

posts as (
    select
        message_pk,
        channel_username,
        message_id,
        message_date
    from {{ ref('stg_telegram_messages') }}
    {% if is_incremental() %}
    where (channel_username, message_date) in ({{ touched_slices() }})
    {% endif %}
),

-- One row per image: its best box, or the row that says that there is none.
looks as (
    select
        channel_username,
        message_id,
        image_date,
        image_sha256
    from {{ ref('stg_yolo_detections') }}
    where
        box_number <= 1
        and detection_status = 'ok'
),

shown as (
    select
        {{ surrogate_key(['posts.message_pk', 'looks.image_sha256']) }} as image_post_key,
        posts.message_pk,
        posts.channel_username,
        looks.image_sha256,
        posts.message_date
    from posts
    inner join looks
        on
            posts.channel_username = looks.channel_username
            and posts.message_id = looks.message_id
            and posts.message_date = looks.image_date
)

{% if is_incremental() -%}
,

before as (
    select * from {{ this }}
    where (channel_username, message_date) in ({{ touched_slices() }})
    union
    select * from {{ this }}
    where message_pk in (select posts.message_pk from posts)
)

select
    coalesce(shown.image_post_key, before.image_post_key) as image_post_key,
    coalesce(shown.message_pk, before.message_pk) as message_pk,
    coalesce(shown.channel_username, before.channel_username) as channel_username,
    coalesce(shown.image_sha256, before.image_sha256) as image_sha256,
    shown.image_post_key is not null as is_shown,
    coalesce(shown.message_date, before.message_date) as message_date,
    {{ build_id() }} as changed_in_build
from shown
full outer join before on shown.image_post_key = before.image_post_key
{%- else -%}
select
    image_post_key,
    message_pk,
    channel_username,
    image_sha256,
    true as is_shown,
    message_date,
    {{ build_id() }} as changed_in_build
from shown
{%- endif %}
