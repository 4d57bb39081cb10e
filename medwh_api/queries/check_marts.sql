-- Every mart exists and this role may read it; no row is read.
select 1 as readable
from
    marts.dim_channels,
    marts.dim_dates,
    marts.dim_images,
    marts.dim_products,
    marts.dim_vendors,
    marts.fct_distinct_offers,
    marts.fct_messages,
    marts.fct_image_detections,
    marts.fct_message_observations,
    marts.fct_message_versions,
    marts.fct_offers,
    marts.fct_product_mentions,
    marts.mart_channel_daily_activity,
    marts.mart_detected_classes,
    marts.mart_price_history,
    marts.mart_product_prices,
    marts.mart_visual_engagement
limit 0
