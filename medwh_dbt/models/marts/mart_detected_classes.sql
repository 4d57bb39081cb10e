{{ config(materialized='table') }}

with

boxes as (
    select * from {{ ref('fct_image_detections') }}
),

-- A picture that was posted again has the same boxes: once here, with how often.
distinct_boxes as (
    select
        detected_object_class,
        object_role,
        image_sha256,
        box_number,
        count(*) as detection_count
    from boxes
    group by
        detected_object_class,
        object_role,
        image_sha256,
        box_number
),

classes as (
    select
        {{ surrogate_key(['detected_object_class', 'object_role']) }} as detected_class_key,
        detected_object_class,
        object_role,
        sum(detection_count)::bigint as detection_count,
        count(*) as distinct_detection_count
    from distinct_boxes
    group by
        detected_object_class,
        object_role
)

select * from classes
