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
    table_name text not null,
    channel_username text not null,
    slice_date date not null,
    content_sha256 text,
    row_count integer not null check (row_count >= 0),
    model text,
    loaded_at timestamptz not null default now()
);
create index if not exists loads_by_slice
on raw.loads (table_name, channel_username, slice_date, load_id desc);
-- A ledger that an older set-up made knows fewer tables.
alter table raw.loads drop constraint if exists loads_table_name_check;
alter table raw.loads add constraint loads_table_name_check
check (table_name in ('telegram_messages', 'yolo_detections', 'post_extractions', 'channel_facts'));

create table if not exists raw.telegram_messages (
    channel_username text not null,
    message_id bigint not null,
    message_date date not null,
    message_data jsonb not null,
    text_masked text,
    versions_masked text [],
    load_id bigint not null,
    loaded_at timestamptz not null default now(),
    primary key (channel_username, message_id)
);
-- A table that an older set-up made has no texts of versions: whoever runs this fills them in.
alter table raw.telegram_messages add column if not exists versions_masked text [];
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

-- What the text of a post says. The arrays named line_ run parallel: one entry for each line that has a
-- letter or digit. Hashes are of texts whose phone numbers are masked, sellers' keys are keyed hashes.
create table if not exists raw.post_extractions (
    channel_username text not null,
    message_id bigint not null,
    message_date date not null,
    extraction_version text not null,
    text_hash text,
    body_hash text,
    language text not null,
    post_kind text not null,
    line_numbers integer [] not null,
    line_hashes bigint [] not null,
    line_footers boolean [] not null,
    line_ethiopic integer [] not null,
    line_latin integer [] not null,
    candidates jsonb not null,
    offers jsonb not null,
    vendor_keys text [] not null,
    features jsonb not null,
    load_id bigint not null,
    loaded_at timestamptz not null default now(),
    primary key (channel_username, message_id)
);
create index if not exists post_extractions_by_slice
on raw.post_extractions (message_date, channel_username);

-- What a channel said of itself, one row per read. Descriptions hold phone numbers as often as posts do.
create table if not exists raw.channel_facts (
    channel_username text not null,
    observed_at timestamptz not null,
    observed_date date not null,
    facts_data jsonb not null,
    title_masked text,
    about_masked text,
    load_id bigint not null,
    loaded_at timestamptz not null default now(),
    primary key (channel_username, observed_at)
);

create table if not exists ops.builds (
    build_id bigint generated always as identity primary key,
    status text not null check (status in ('running', 'done', 'failed')),
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    full_refresh boolean not null
);
alter table ops.builds add column if not exists models_sha256 text;
alter table ops.builds add column if not exists content_sha256 text;
create table if not exists ops.build_loads (
    build_id bigint not null references ops.builds,
    load_id bigint not null references raw.loads,
    primary key (build_id, load_id)
);
create index if not exists build_loads_by_load on ops.build_loads (load_id);

-- What Telegram accounts remember from run to run. An account goes by its user id, so that another
-- login remembers the same; a session goes by its hash, so that nothing of it stands here, and is an
-- account of its own until it was asked whose it is. A peer's access hash is good for that account alone.
create table if not exists ops.telegram_sessions (
    session text primary key,
    user_id bigint not null,
    noted_at timestamptz not null default now()
);
create table if not exists ops.telegram_peers (
    account text not null,
    channel_username text not null,
    channel_id bigint not null,
    access_hash bigint not null,
    username text not null,
    noted_at timestamptz not null default now(),
    primary key (account, channel_username)
);
create table if not exists ops.telegram_cooldowns (
    account text not null,
    realm text not null check (realm in ('all', 'names', 'files')),
    cools_until timestamptz not null,
    reason text not null,
    noted_at timestamptz not null default now(),
    primary key (account, realm, cools_until)
);
-- A table that an older set-up made knows fewer realms.
alter table ops.telegram_cooldowns drop constraint if exists telegram_cooldowns_realm_check;
alter table ops.telegram_cooldowns add constraint telegram_cooldowns_realm_check
check (realm in ('all', 'names', 'files'));
create table if not exists ops.telegram_channels (
    account text not null,
    channel_username text not null,
    status text not null check (
        status in ('ok', 'empty', 'renamed', 'not_found', 'private', 'banned', 'flood', 'unreachable')
    ),
    detail text not null,
    noted_at timestamptz not null,
    last_ok_at timestamptz,
    primary key (account, channel_username)
);
-- A photo has one id for all accounts, and one place in the lake.
create table if not exists ops.telegram_photos (
    photo_id bigint primary key,
    image_path text not null,
    noted_at timestamptz not null default now()
);
-- What runs were to read and have not, because Telegram asked for a pause, could not be reached, or
-- they were ended: read by whoever comes first.
create table if not exists ops.telegram_rest (
    channel_username text not null,
    slice_date date not null,
    noted_at timestamptz not null default now(),
    primary key (channel_username, slice_date)
);

-- When a model looked at a picture, by the clock of the machine that did: no row of a mart depends on it.
create table if not exists ops.detections_made (
    image_sha256 text not null,
    model text not null,
    made_at timestamptz not null,
    primary key (image_sha256, model)
);

-- What lies in the lake, as it was last looked at: a file whose stamp is still the same is not read again.
-- No hash means that the file cannot be read as it is.
create table if not exists ops.lake_files (
    kind text not null,
    channel_username text not null,
    slice_date date not null,
    stamp text not null,
    content_sha256 text,
    record_count integer,
    looked_at timestamptz not null default now(),
    primary key (kind, channel_username, slice_date)
);
-- Content that no run has brought: the journal that the sensor reports from, in the order of its ids.
create table if not exists ops.lake_seen (
    seen_id bigint generated always as identity primary key,
    kind text not null,
    channel_username text not null,
    slice_date date not null,
    content_sha256 text not null,
    record_count integer,
    seen_at timestamptz not null default now()
);
-- Those that an older set-up made know fewer kinds.
alter table ops.lake_files drop constraint if exists lake_files_kind_check;
alter table ops.lake_files add constraint lake_files_kind_check
check (kind in ('messages', 'images', 'detections', 'channels'));
alter table ops.lake_seen drop constraint if exists lake_seen_kind_check;
alter table ops.lake_seen add constraint lake_seen_kind_check
check (kind in ('messages', 'images', 'detections', 'channels'));

-- The channels that are to be read live, and how old their last read may grow.
create table if not exists ops.channel_deadlines (
    channel_username text primary key,
    warn_after interval not null,
    fail_after interval not null check (fail_after >= warn_after),
    live_since timestamptz not null default now()
);

-- How each check ended last. Descriptions and details hold names of slices and counts, nothing of a post.
create table if not exists ops.check_results (
    asset text not null,
    check_name text not null,
    passed boolean not null,
    severity text not null check (severity in ('WARN', 'ERROR')),
    is_blocking boolean not null,
    description text not null,
    details jsonb not null,
    checked_at timestamptz not null default now(),
    primary key (asset, check_name)
);

-- How the last attempt on each live channel ended, whichever account made it.
create or replace view ops.channel_status as
with newest as (
    select distinct on (channel_username)
        channel_username,
        status,
        detail,
        noted_at
    from ops.telegram_channels
    order by channel_username asc, noted_at desc, account asc
),

readable as (
    select
        channel_username,
        max(last_ok_at) as last_ok_at
    from ops.telegram_channels
    group by channel_username
)

select
    newest.channel_username,
    newest.status,
    newest.detail,
    newest.noted_at,
    readable.last_ok_at
from newest
inner join readable on newest.channel_username = readable.channel_username;

-- What the marts hold, in one hash; null while they are being built, and until a build that failed is
-- made good: then nobody can say.
create or replace view ops.built_content as
select content_sha256
from ops.builds
order by build_id desc
limit 1;

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

-- How late each channel is. Channels without a deadline are archives: nobody reads them any more.
create or replace view ops.freshness as
with channels as (
    select channel_username from ops.channel_deadlines
    union
    select channel_username from ops.channel_loads
),

measured as (
    select
        channels.channel_username,
        deadlines.channel_username is not null as is_live,
        attempts.last_ok_at as last_read_at,
        attempts.status as last_attempt_status,
        attempts.noted_at as last_attempt_at,
        loaded.newest_message_date,
        loaded.last_loaded_at,
        (extract(epoch from now() - coalesce(attempts.last_ok_at, deadlines.live_since)) / 3600)::double precision
            as age_hours,
        (extract(epoch from deadlines.warn_after) / 3600)::double precision as warn_after_hours,
        (extract(epoch from deadlines.fail_after) / 3600)::double precision as fail_after_hours
    from channels
    left join ops.channel_deadlines as deadlines
        on channels.channel_username = deadlines.channel_username
    left join ops.channel_status as attempts
        on channels.channel_username = attempts.channel_username
    left join ops.channel_loads as loaded
        on channels.channel_username = loaded.channel_username
)

select
    channel_username,
    is_live,
    case
        when not is_live then 'archived'
        when age_hours >= fail_after_hours then 'overdue'
        when age_hours >= warn_after_hours then 'late'
        else 'fresh'
    end as status,
    last_read_at,
    last_attempt_status,
    last_attempt_at,
    newest_message_date,
    last_loaded_at,
    case when is_live then age_hours end as age_hours,
    warn_after_hours,
    fail_after_hours
from measured;

grant usage on schema raw, ops to medwh_loader;
grant select, insert on raw.loads to medwh_loader;
grant select, insert, update, delete on raw.telegram_messages, raw.yolo_detections to medwh_loader;
grant select, insert, update, delete on raw.post_extractions to medwh_loader;
grant select, insert, delete on raw.channel_facts to medwh_loader;
grant select, insert, update, delete on ops.builds, ops.build_loads to medwh_loader;
grant select, insert, update on ops.telegram_sessions to medwh_loader;
grant select, insert, update, delete on ops.telegram_peers, ops.telegram_channels to medwh_loader;
grant select, insert, update, delete on ops.telegram_cooldowns, ops.telegram_photos to medwh_loader;
grant select, insert, delete on ops.telegram_rest to medwh_loader;
grant select, insert, update on ops.detections_made to medwh_loader;
grant select, insert, update, delete on ops.lake_files, ops.channel_deadlines to medwh_loader;
-- A lock on the table takes the right to update it.
grant select, insert, update on ops.lake_seen to medwh_loader;
grant select, insert, update on ops.check_results to medwh_loader;
grant select on ops.channel_status, ops.channel_loads, ops.freshness to medwh_loader;

grant usage on schema raw, ops to medwh_transformer;
grant select on all tables in schema raw to medwh_transformer;
grant select on ops.builds, ops.build_loads to medwh_transformer;
grant usage, create on schema staging, marts to medwh_transformer;

grant usage on schema marts, ops to medwh_api;
grant select on ops.channel_loads, ops.channel_status, ops.freshness, ops.check_results to medwh_api;
grant select on ops.built_content to medwh_api;
-- dbt makes its tables anew, so the right must come with the table.
alter default privileges for role medwh_transformer in schema marts
grant select on tables to medwh_api;

revoke create on schema public from public;
