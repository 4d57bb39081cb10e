-- What dbt would build of the posts in bench.posts, as far as the benchmark asks for it.
insert into marts.fct_messages (
    message_pk, channel_pk, channel_username, message_id, message_text, views_count, forwards_count,
    replies_count, has_counters, has_media, has_image, image_category, image_sha256, message_date,
    message_timestamp_utc, distinct_message_key
)
select
    md5(channel || ' ' || id), md5(channel), channel, id, body, id * 37 % 5000, id % 7, id % 3, true,
    id % 2 = 0, id % 2 = 0, case when id % 2 = 0 then 'product_display' end,
    case when id % 2 = 0 then encode(sha256((id / 20)::text::bytea), 'hex') end,
    (posted_at at time zone 'UTC')::date, posted_at, md5(channel || body)
from bench.posts;
create unique index on marts.fct_messages (channel_username, message_id);
create index on marts.fct_messages (channel_username, message_date);
create index on marts.fct_messages (message_timestamp_utc, message_pk);
create index on marts.fct_messages using gin (message_text gin_trgm_ops);

insert into marts.fct_image_detections (
    yolo_detection_key, message_pk, channel_username, message_id, box_number, detected_object_class,
    object_role, image_sha256, message_date
)
select
    md5(message_pk || boxes.number), message_pk, channel_username, message_id, boxes.number,
    (array['bottle', 'cup', 'box', 'person', 'book', 'cell phone', 'vase'])[1 + (message_id * boxes.number) % 7],
    case when (message_id * boxes.number) % 7 = 3 then 'person' else 'product' end, image_sha256, message_date
from marts.fct_messages
cross join generate_series(1, 2) as boxes (number)
where has_image;
create index on marts.fct_image_detections (channel_username, message_date);
create index on marts.fct_image_detections (message_pk);

insert into marts.mart_detected_classes (
    detected_class_key, detected_object_class, object_role, detection_count, distinct_detection_count
)
select
    md5(detected_object_class || object_role), detected_object_class, object_role, count(*),
    count(distinct image_sha256 || box_number)
from marts.fct_image_detections
group by detected_object_class, object_role;

insert into marts.mart_channel_daily_activity (
    channel_day_key, channel_username, activity_date, message_count, total_views, total_forwards,
    total_replies, messages_with_media
)
select
    md5(channel_username || message_date), channel_username, message_date, count(*), sum(views_count),
    sum(forwards_count), sum(replies_count), count(*) filter (where has_media)
from marts.fct_messages
group by channel_username, message_date;
create unique index on marts.mart_channel_daily_activity (channel_username, activity_date);

insert into marts.dim_channels (
    channel_pk, channel_username, channel_spelling, message_count, first_post_at, last_post_at
)
select
    md5(channel_username), channel_username, channel_username, count(*),
    min(message_timestamp_utc), max(message_timestamp_utc)
from marts.fct_messages
group by channel_username;

-- The tutorial way: the rows as they were loaded, views over them, nothing added up beforehand.
create schema tutorial;
create table tutorial.raw_messages as
select
    message_pk, channel_username, message_id, message_text, views_count, forwards_count, replies_count,
    has_media, message_date, message_timestamp_utc
from marts.fct_messages;
alter table tutorial.raw_messages add primary key (message_pk);
create table tutorial.raw_detections as
select
    yolo_detection_key, message_pk, detected_object_class
from marts.fct_image_detections;
alter table tutorial.raw_detections add primary key (yolo_detection_key);
create view tutorial.messages as select * from tutorial.raw_messages;
create view tutorial.detections as select * from tutorial.raw_detections;

grant usage on schema tutorial to medwh_api;
grant select on all tables in schema tutorial to medwh_api;
analyze;
