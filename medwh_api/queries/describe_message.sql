select
    posts.message_pk,
    posts.channel_username,
    posts.message_id::bigint as message_id,
    posts.message_timestamp_utc,
    posts.message_text,
    posts.language,
    posts.post_kind,
    posts.media_type,
    posts.views_count::bigint as views_count,
    posts.forwards_count::bigint as forwards_count,
    posts.replies_count::bigint as replies_count,
    posts.reactions_count::bigint as reactions_count,
    posts.views_24h::bigint as views_24h,
    posts.views_7d::bigint as views_7d,
    posts.has_counters,
    posts.has_media,
    posts.has_image,
    posts.image_sha256,
    posts.image_category,
    posts.is_forward,
    posts.forwarded_from_channel,
    posts.forwarded_from_message_id::bigint as forwarded_from_message_id,
    posts.reply_to_message_id::bigint as reply_to_message_id,
    posts.grouped_id::bigint as grouped_id,
    posts.is_repost,
    originals.message_id::bigint as repost_of_message_id,
    posts.edit_date,
    posts.missing_since,
    (
        select coalesce(json_agg(readings order by readings.observed_at), '[]'::json)
        from (
            select
                observed_at,
                age_hours::float8 as age_hours,
                is_present,
                views_count,
                forwards_count,
                replies_count,
                reactions_count,
                views_change
            from marts.fct_message_observations
            where fct_message_observations.message_pk = posts.message_pk
            order by observed_at desc
            limit 1000
        ) as readings
    ) as observations,
    (
        select coalesce(json_agg(contents order by contents.version_number), '[]'::json)
        from (
            select
                version_number,
                is_current,
                message_text,
                media_type,
                edit_date,
                first_observed_at,
                last_observed_at
            from marts.fct_message_versions
            where fct_message_versions.message_pk = posts.message_pk
            order by version_number desc
            limit 1000
        ) as contents
    ) as versions,
    (
        select coalesce(json_agg(boxes order by boxes.box_number), '[]'::json)
        from (
            select
                box_number,
                detected_object_class,
                warehouse_class,
                object_role,
                confidence_score,
                box_top_left_x,
                box_top_left_y,
                box_width,
                box_height,
                image_width,
                image_height
            from marts.fct_image_detections
            where fct_image_detections.message_pk = posts.message_pk
            order by box_number
            limit 1000
        ) as boxes
    ) as detections,
    (
        select coalesce(json_agg(lines order by lines.offer_number), '[]'::json)
        from (
            select
                offer_number,
                product_key,
                offered_as,
                strength,
                pack_size,
                dosage_form,
                pack,
                price,
                price_high,
                currency,
                price_unit,
                expiry_date,
                availability,
                vendor_pk
            from marts.fct_offers
            where fct_offers.message_pk = posts.message_pk
            order by offer_number
            limit 1000
        ) as lines
    ) as offers
from marts.fct_messages as posts
left join marts.fct_messages as originals on posts.repost_of = originals.message_pk
where
    posts.channel_username = %(channel)s
    and posts.message_id = %(message_id)s
