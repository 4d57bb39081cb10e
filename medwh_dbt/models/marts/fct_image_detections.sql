{{ config(
    pre_hook="{{ delete_touched('message_date', ref('fct_messages'), 'message_date') }}",
    indexes=[
        {'columns': ['detected_object_class']},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['message_pk']},
    ],
) }}

with

boxes as (
    select * from {{ ref('stg_yolo_detections') }}
    where
        detection_status = 'ok'
        and box_number > 0
        {% if is_incremental() %}
        and (channel_username, image_date) in ({{ touched_slices() }})
        {% endif %}
),

posts as (
    select * from {{ ref('fct_messages') }}
),

class_roles as (
    select * from {{ ref('detected_class_roles') }}
),

detections as (
    select
        boxes.yolo_detection_key,
        posts.message_pk,
        posts.channel_pk,
        posts.date_pk,
        boxes.channel_username,
        boxes.message_id,
        boxes.box_number,

        boxes.detected_object_class,
        coalesce(class_roles.object_role, 'other') as object_role,
        boxes.image_path,
        boxes.image_sha256,
        boxes.detection_model,

        boxes.image_width,
        boxes.image_height,
        boxes.confidence_score,
        boxes.box_top_left_x,
        boxes.box_top_left_y,
        boxes.box_width,
        boxes.box_height,

        posts.message_date
    from boxes
    inner join posts
        on
            boxes.channel_username = posts.channel_username
            and boxes.message_id = posts.message_id
            and boxes.image_date = posts.message_date
    left join class_roles on lower(boxes.detected_object_class) = class_roles.detected_object_class
)

select * from detections
