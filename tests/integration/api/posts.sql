-- Three invented channels: counters known and unknown, a person on a picture, two scripts, texts that
-- hold LIKE's special characters, a formula, a repost, and prices in two months.
insert into marts.dim_channels (
    channel_pk, channel_username, channel_spelling, channel_title, channel_id,
    message_count, image_count, average_views, first_post_at, last_post_at
) values
('c1', 'addis_drugs', 'Addis_Drugs', 'Addis Drugs', 1001, 4, 3, 250.00, '2025-03-01 08:00+00', '2025-03-02 09:00+00'),
('c2', 'selam_pharmacy', 'selam_pharmacy', null, null, 2, 1, null, '2025-03-01 10:00+00', '2025-03-05 10:00+00'),
('c3', 'quiet_channel', 'quiet_channel', '=HYPERLINK("http://x","ጤና")', 1003, 1, 0, 7.00, '2025-03-09 10:00+00', '2025-03-09 10:00+00'),
('c4', 'silent_channel', 'silent_channel', null, null, 0, 0, null, null, null);

insert into marts.dim_dates (date_pk, date_day) values ('d1', '2025-03-01');

insert into marts.fct_messages (
    message_pk, channel_username, message_id, message_text, image_category, image_sha256, image_path,
    views_count, forwards_count, replies_count, has_counters, has_media, has_image,
    message_date, message_timestamp_utc, distinct_message_key, repost_of, is_repost, language, post_kind
) values
('a1', 'addis_drugs', 1, 'Paracetamol 500mg 100% pure', 'promotional', repeat('a', 64), 'images/addis_drugs/1.jpg', 100, 1, 2, true, true, true, '2025-03-01', '2025-03-01 08:00+00', 'x1', null, false, 'en', 'sale'),
('a2', 'addis_drugs', 2, 'paracetamol_forte syrup', 'product_display', repeat('b', 64), 'images/addis_drugs/2.jpg', 400, 3, 4, true, true, true, '2025-03-01', '2025-03-01 09:00+00', 'x2', null, false, 'en', 'sale'),
('a3', 'addis_drugs', 3, null, 'product_display', repeat('b', 64), 'images/addis_drugs/3.jpg', 0, 0, 0, false, true, true, '2025-03-01', '2025-03-01 09:00+00', 'x2', 'a2', true, 'none', 'other'),
('a4', 'addis_drugs', 4, 'closed on Sunday \o/', null, null, null, 250, 0, 0, true, false, false, '2025-03-02', '2025-03-02 09:00+00', 'x4', null, false, 'en', 'other'),
('b1', 'selam_pharmacy', 1, 'ፓራሲታሞል አለ PARACETAMOL', null, null, null, 0, 0, 0, false, false, false, '2025-03-01', '2025-03-01 10:00+00', 'x5', null, false, 'mixed', 'sale'),
('b2', 'selam_pharmacy', 2, 'ፓራሲታሞል 100፡00 ብር', 'other', repeat('c', 64), 'images/selam_pharmacy/2.jpg', 0, 0, 0, false, true, true, '2025-03-05', '2025-03-05 10:00+00', 'x6', null, false, 'am', 'sale'),
('q1', 'quiet_channel', 1, 'hello there', null, null, null, 7, 0, 0, true, false, false, '2025-03-09', '2025-03-09 10:00+00', 'x7', null, false, 'en', 'other');

insert into marts.fct_message_observations (
    message_observation_key, message_pk, channel_username, message_id, is_present,
    views_count, forwards_count, views_change, age_hours, message_timestamp_utc, observed_at
) values
('o1', 'a1', 'addis_drugs', 1, true, 60, 0, null, 2.00, '2025-03-01 08:00+00', '2025-03-01 10:00+00'),
('o2', 'a1', 'addis_drugs', 1, true, 100, 1, 40, 24.00, '2025-03-01 08:00+00', '2025-03-02 08:00+00');

insert into marts.fct_message_versions (
    message_version_key, message_pk, channel_username, message_id, version_number, message_text,
    media_type, is_current, edit_date, first_observed_at, last_observed_at
) values
('w2', 'a1', 'addis_drugs', 1, 2, 'Paracetamol 500mg 100% pure', 'photo', true, '2025-03-01 12:00+00', '2025-03-02 08:00+00', '2025-03-02 08:00+00'),
('w1', 'a1', 'addis_drugs', 1, 1, 'Paracetamol 500mg, call [phone]', null, false, null, '2025-03-01 10:00+00', '2025-03-01 10:00+00');

insert into marts.fct_image_detections (
    yolo_detection_key, message_pk, channel_username, message_id, box_number, image_sha256,
    detected_object_class, warehouse_class, object_role, message_date,
    confidence_score, box_top_left_x, box_top_left_y, box_width, box_height, image_width, image_height
) values
('k1', 'a1', 'addis_drugs', 1, 1, repeat('a', 64), 'person', 'person', 'person', '2025-03-01', 0.9, 0, 0, 20, 20, 60, 40),
('k2', 'a1', 'addis_drugs', 1, 2, repeat('a', 64), 'blister', 'product', 'product', '2025-03-01', 0.8, 10, 10, 20, 20, 60, 40),
('k3', 'a2', 'addis_drugs', 2, 1, repeat('b', 64), 'bottle', 'container', 'product', '2025-03-01', 0.7, 1.5, 2.5, 20, 20, 60, 40),
('k4', 'a3', 'addis_drugs', 3, 1, repeat('b', 64), 'bottle', 'container', 'product', '2025-03-01', 0.7, 1.5, 2.5, 20, 20, 60, 40),
('k5', 'a3', 'addis_drugs', 3, 2, repeat('b', 64), 'bottle', 'container', 'product', '2025-03-01', 0.6, 30, 2, 20, 20, 60, 40),
('k6', 'b2', 'selam_pharmacy', 2, 1, repeat('c', 64), 'cup', 'container', 'other', '2025-03-05', 0.5, 0, 0, 60, 40, 60, 40);

insert into marts.mart_channel_daily_activity (
    channel_day_key, channel_username, activity_date, message_count, distinct_message_count,
    new_message_count, sale_message_count, image_count, detection_count, messages_with_media,
    counted_message_count, total_views, total_forwards, total_replies
) values
('ca1', 'addis_drugs', '2025-03-01', 3, 2, 2, 2, 3, 5, 3, 2, 500, 4, 6),
('ca2', 'addis_drugs', '2025-03-02', 1, 1, 1, 0, 0, 0, 0, 1, 250, 0, 0),
('cs1', 'selam_pharmacy', '2025-03-01', 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0),
('cs2', 'selam_pharmacy', '2025-03-05', 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0),
('cq1', 'quiet_channel', '2025-03-09', 1, 1, 1, 0, 0, 0, 0, 1, 7, 0, 0);

insert into marts.dim_products (
    product_pk, product_key, product_name, category, aliases, message_count, distinct_message_count,
    offer_count, distinct_offer_count, priced_offer_count, channel_count, vendor_count, median_price,
    first_seen_at, last_seen_at
) values
('p1', 'paracetamol', 'Paracetamol', 'medicine', 'panadol, ፓራሲታሞል', 4, 3, 3, 2, 3, 2, 1, 110.0000, '2025-02-01 08:00+00', '2025-03-05 10:00+00'),
('p2', 'syrup', 'Syrup 100%', 'medicine', null, 1, 1, 0, 0, 0, 1, 0, null, '2025-03-01 09:00+00', '2025-03-01 09:00+00'),
('p3', 'unseen', 'Unseen', 'device', null, 0, 0, 0, 0, 0, 0, 0, null, null, null);

insert into marts.fct_product_mentions (
    product_mention_key, message_pk, channel_username, message_id, product_pk, product_key,
    distinct_message_key, message_date, message_timestamp_utc
) values
('m1', 'a1', 'addis_drugs', 1, 'p1', 'paracetamol', 'x1', '2025-03-01', '2025-03-01 08:00+00'),
('m2', 'a2', 'addis_drugs', 2, 'p1', 'paracetamol', 'x2', '2025-03-01', '2025-03-01 09:00+00'),
('m3', 'a2', 'addis_drugs', 2, 'p2', 'syrup', 'x2', '2025-03-01', '2025-03-01 09:00+00'),
('m4', 'a3', 'addis_drugs', 3, 'p1', 'paracetamol', 'x2', '2025-03-01', '2025-03-01 09:00+00'),
('m5', 'b2', 'selam_pharmacy', 2, 'p1', 'paracetamol', 'x6', '2025-03-05', '2025-03-05 10:00+00');

insert into marts.dim_vendors (vendor_pk, channel_usernames, first_seen_at, last_seen_at) values
('v1', 'addis_drugs', '2025-02-01 08:00+00', '2025-03-01 09:00+00');

insert into marts.fct_offers (
    offer_key, distinct_offer_key, message_pk, channel_username, message_id, offer_number, product_pk,
    product_key, vendor_pk, offered_as, strength, price, currency, message_date, message_timestamp_utc
) values
('f1', 'g1', 'a1', 'addis_drugs', 1, 1, 'p1', 'paracetamol', 'v1', 'Paracetamol', '500 mg', 120.00, 'ETB', '2025-03-01', '2025-03-01 08:00+00'),
('f2', 'g2', 'a2', 'addis_drugs', 2, 1, 'p1', 'paracetamol', 'v1', '+paracetamol_forte', null, 100.50, 'ETB', '2025-03-01', '2025-03-01 09:00+00'),
('f3', 'g2', 'a3', 'addis_drugs', 3, 1, 'p1', 'paracetamol', null, '+paracetamol_forte', null, 100.50, 'ETB', '2025-03-01', '2025-03-01 09:00+00'),
('f4', 'g4', 'a4', 'addis_drugs', 4, 1, null, null, null, 'something else', null, null, null, '2025-03-02', '2025-03-02 09:00+00');

insert into marts.fct_distinct_offers (
    distinct_offer_vendor_key, distinct_offer_key, channel_pk, product_pk, vendor_pk, offer_count,
    priced_offer_count, price
) values
('j1', 'g1', 'c1', 'p1', 'v1', 1, 1, 120.00),
('j2', 'g2', 'c1', 'p1', 'v1', 1, 1, 100.50),
('j3', 'g2', 'c1', 'p1', null, 1, 1, 100.50),
('j4', 'g4', 'c1', null, null, 1, 0, null);

insert into marts.mart_price_history (
    price_history_key, product_pk, product_key, channel_username, month_start, message_count, offer_count,
    distinct_offer_count, vendor_count, median_price, lower_quartile_price, upper_quartile_price,
    min_price, max_price, distinct_median_price
) values
('h1', 'p1', 'paracetamol', 'addis_drugs', '2025-02-01', 1, 1, 1, 1, 100, 100, 100, 100, 100, 100),
('h2', 'p1', 'paracetamol', 'addis_drugs', '2025-03-01', 3, 3, 2, 1, 100.5, 100.5, 110.25, 100.5, 120, 110.25),
('h3', 'p1', 'paracetamol', 'selam_pharmacy', '2025-03-01', 1, 1, 1, 0, 90, 90, 90, 90, 90, 90);

insert into marts.mart_product_prices (
    product_price_key, product_pk, product_key, month_start, message_count, offer_count,
    distinct_offer_count, vendor_count, channel_count, median_price, lower_quartile_price,
    upper_quartile_price, min_price, max_price, distinct_median_price
) values
('i1', 'p1', 'paracetamol', '2025-02-01', 1, 1, 1, 1, 1, 100, 100, 100, 100, 100, 100),
('i2', 'p1', 'paracetamol', '2025-03-01', 4, 4, 3, 1, 2, 100.5, 95, 110.25, 90, 120, 100.5);

insert into marts.mart_visual_engagement (
    visual_engagement_key, measure, image_category, channel_count, message_count, median_ratio, ratio_low,
    ratio_high, distinct_message_count
) values
('e1', 'views', 'no_image', 3, 40, 0.9, 0.8, 1.1, 20),
('e2', 'views', 'promotional', 1, 5, null, null, null, 5);

insert into marts.mart_detected_classes (
    detected_class_key, detected_object_class, object_role, detection_count, distinct_detection_count
) values
('d1', 'person', 'person', 1, 1),
('d2', 'blister', 'product', 1, 1),
('d3', 'bottle', 'product', 3, 2),
('d4', 'cup', 'other', 1, 1);
