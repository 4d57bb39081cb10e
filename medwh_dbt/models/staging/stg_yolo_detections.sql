{{ config(
    pre_hook="{{ delete_touched('image_date', source('raw', 'yolo_detections'), 'image_date') }}",
    indexes=[
        {'columns': ['channel_username', 'message_id', 'box_number'], 'unique': true},
        {'columns': ['channel_username', 'image_date']},
    ],
) }}

with

source as (
    select * from {{ source('raw', 'yolo_detections') }}
    {% if is_incremental() %}
    where (channel_username, image_date) in ({{ touched_slices() }})
    {% endif %}
),

-- The left join keeps an image on which nothing was found, as box number 0.
boxes as (
    select
        source.*,
        coalesce(elements.box_number, 0)::integer as box_number,
        elements.found
    from source
    left join
        lateral jsonb_array_elements(source.detection_data -> 'boxes') with ordinality as elements (found, box_number)
        on true
),

renamed as (
    select
        {{ surrogate_key(['channel_username', 'message_id', 'box_number']) }} as yolo_detection_key,
        channel_username,
        message_id,
        box_number,

        image_sha256,
        detection_data ->> 'image_path' as image_path,
        detection_data ->> 'image_type' as image_type,
        detection_data ->> 'perceptual_hash' as perceptual_hash,
        model as detection_model,
        -- A fingerprint begins with the weights' name, which has no hyphen. A model goes by one name,
        -- whatever it was exported to.
        regexp_replace(split_part(model, '-', 1), '_openvino_model$', '') as detection_model_name,
        detection_data ->> 'status' as detection_status,
        found ->> 'detected_class' as detected_object_class,

        (detection_data ->> 'image_bytes')::bigint as image_bytes,
        (detection_data ->> 'image_width')::integer as image_width,
        (detection_data ->> 'image_height')::integer as image_height,
        (found ->> 'confidence')::double precision as confidence_score,
        (found ->> 'x')::double precision as box_top_left_x,
        (found ->> 'y')::double precision as box_top_left_y,
        (found ->> 'width')::double precision as box_width,
        (found ->> 'height')::double precision as box_height,

        image_date
    from boxes
)

select * from renamed
