{{ config(
    pre_hook="{{ delete_touched('message_date', ref('fct_messages'), 'message_date', key='message_pk') }}",
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

classes as (
    select * from {{ ref('dim_detected_classes') }}
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
        classes.warehouse_class,
        classes.object_role,
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
    inner join classes
        on
            boxes.detection_model_name = classes.detection_model_name
            and boxes.detected_object_class = classes.detected_object_class
)

select * from detections
