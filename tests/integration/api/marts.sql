-- The columns of the marts that the API reads, as their contracts fix them.
create table marts.dim_channels (
    channel_pk text primary key,
    channel_username text not null unique,
    channel_spelling text not null,
    channel_title text,
    channel_aliases text [] not null,
    channel_id bigint,
    message_count bigint not null,
    image_count bigint not null,
    average_views numeric(21, 2),
    first_post_at timestamptz not null,
    last_post_at timestamptz not null
);

create table marts.dim_dates (date_pk text primary key, date_day date not null unique);

create table marts.fct_messages (
    message_pk text primary key,
    channel_username text not null,
    message_id bigint not null,
    message_text text,
    image_category text,
    views_count bigint not null default 0,
    forwards_count bigint not null default 0,
    replies_count bigint not null default 0,
    has_counters boolean not null default true,
    has_media boolean not null default false,
    has_image boolean not null default false,
    message_date date not null,
    message_timestamp_utc timestamptz not null
);

create table marts.fct_image_detections (
    yolo_detection_key text primary key,
    message_pk text not null references marts.fct_messages,
    channel_username text not null,
    message_id bigint not null,
    detected_object_class text not null,
    object_role text not null,
    message_date date not null
);
