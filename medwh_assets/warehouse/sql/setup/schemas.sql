-- Schemas, tables and rights of the warehouse. Runs whole, in one transaction, and again at will.
create schema if not exists raw;
create schema if not exists staging;
create schema if not exists marts;
create schema if not exists ops;

-- The ledger: one row per slice load. A null hash means that the slice must be loaded again: it was
-- removed, or one of its posts moved to another day. Rows are only ever added, and a slice's rows come
-- in the same transaction, so `load_id` needs no foreign key (which costs 10 us for each row).
create table if not exists raw.loads (
    load_id bigint generated always as identity primary key,
    table_name text not null check (table_name in ('telegram_messages', 'yolo_detections')),
    channel_username text not null,
    slice_date date not null,
    content_sha256 text,
    row_count integer not null check (row_count >= 0),
    model text,
    loaded_at timestamptz not null default now()
);
create index if not exists loads_by_slice
on raw.loads (table_name, channel_username, slice_date, load_id desc);

create table if not exists raw.telegram_messages (
    channel_username text not null,
    message_id bigint not null,
    message_date date not null,
    message_data jsonb not null,
    text_masked text,
    load_id bigint not null,
    loaded_at timestamptz not null default now(),
    primary key (channel_username, message_id)
);
-- The day comes first: an index by channel first is taken for look-ups by message id, and then reads
-- the whole of a channel that the statistics do not know yet.
create index if not exists telegram_messages_by_slice
on raw.telegram_messages (message_date, channel_username);

create table if not exists raw.yolo_detections (
    channel_username text not null,
    message_id bigint not null,
    image_date date not null,
    image_sha256 text not null,
    model text not null,
    detection_data jsonb not null,
    load_id bigint not null,
    loaded_at timestamptz not null default now(),
    primary key (channel_username, message_id)
);
create index if not exists yolo_detections_by_slice
on raw.yolo_detections (image_date, channel_username);

create table if not exists ops.builds (
    build_id bigint generated always as identity primary key,
    status text not null check (status in ('running', 'done', 'failed')),
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    full_refresh boolean not null
);
create table if not exists ops.build_loads (
    build_id bigint not null references ops.builds,
    load_id bigint not null references raw.loads,
    primary key (build_id, load_id)
);
create index if not exists build_loads_by_load on ops.build_loads (load_id);

-- What the API may tell about loading: per channel, from the latest load of each slice.
create or replace view ops.channel_loads as
with latest as (
    select distinct on (channel_username, slice_date)
        channel_username,
        slice_date,
        content_sha256,
        row_count,
        loaded_at
    from raw.loads
    where table_name = 'telegram_messages'
    order by channel_username asc, slice_date asc, load_id desc
)

select
    channel_username,
    count(*) as slices_loaded,
    sum(row_count) as posts_loaded,
    max(slice_date) filter (where row_count > 0) as newest_message_date,
    max(loaded_at) as last_loaded_at
from latest
where content_sha256 is not null
group by channel_username;

grant usage on schema raw, ops to medwh_loader;
grant select, insert on raw.loads to medwh_loader;
grant select, insert, update, delete on raw.telegram_messages, raw.yolo_detections to medwh_loader;
grant select, insert, update, delete on ops.builds, ops.build_loads to medwh_loader;

grant usage on schema raw, ops to medwh_transformer;
grant select on all tables in schema raw to medwh_transformer;
grant select on ops.builds, ops.build_loads to medwh_transformer;
grant usage, create on schema staging, marts to medwh_transformer;

grant usage on schema marts, ops to medwh_api;
grant select on ops.channel_loads to medwh_api;
-- dbt makes its tables anew, so the right must come with the table.
alter default privileges for role medwh_transformer in schema marts
grant select on tables to medwh_api;

revoke create on schema public from public;
