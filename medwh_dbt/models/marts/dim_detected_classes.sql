{{ config(materialized='table') }}

with

seen_classes as (
    select distinct
        detection_model_name,
        detected_object_class
    from {{ ref('stg_yolo_detections') }}
    where
        detection_status = 'ok'
        and box_number > 0
),

detected_classes as (
    select * from {{ ref('detected_classes') }}
),

warehouse_classes as (
    select * from {{ ref('warehouse_classes') }}
),

-- Of the rows whose model fits, the one that names the model itself, else the longest.
best_rows as (
    select distinct on (seen_classes.detection_model_name, seen_classes.detected_object_class)
        seen_classes.detection_model_name,
        seen_classes.detected_object_class,
        detected_classes.warehouse_class
    from seen_classes
    inner join detected_classes
        on
            lower(seen_classes.detected_object_class) = detected_classes.detected_object_class
            and seen_classes.detection_model_name
            like replace(replace(detected_classes.model_name, '_', '\_'), '*', '%')
    order by
        seen_classes.detection_model_name asc,
        seen_classes.detected_object_class asc,
        seen_classes.detection_model_name = detected_classes.model_name desc,
        length(detected_classes.model_name) desc
),

classes as (
    select
        {{ surrogate_key(['seen_classes.detection_model_name', 'seen_classes.detected_object_class']) }}
            as detected_class_pk,
        seen_classes.detection_model_name,
        seen_classes.detected_object_class,
        coalesce(warehouse_classes.warehouse_class, 'other') as warehouse_class,
        coalesce(warehouse_classes.object_role, 'other') as object_role,
        best_rows.warehouse_class is not null as is_mapped
    from seen_classes
    left join best_rows
        on
            seen_classes.detection_model_name = best_rows.detection_model_name
            and seen_classes.detected_object_class = best_rows.detected_object_class
    left join warehouse_classes on best_rows.warehouse_class = warehouse_classes.warehouse_class
)

select * from classes
