{#-
    What a build has to work in. A build's loads are fixed in ops.build_loads before dbt starts, so
    a load that commits while dbt runs belongs to the next build. Every slice that gained, changed
    or lost a row in `raw` has a load in the ledger, and what a fact says of a slice is made of that
    slice alone: so touched slices are all that has to be made anew.
    The ledger and the build tables are bookkeeping, not data that models are made of: they are
    named here and are no dbt sources.
-#}

{#-
    The build in progress (ops.builds.build_id), null without one: then nothing is touched. Whoever
    starts dbt gives it as a setting of the connection (PGOPTIONS='-c medwh.build_id=5'). As a dbt
    variable it would have the whole project parsed anew in every build: 4 s.
-#}
{% macro build_id() -%}
    nullif(current_setting('medwh.build_id', true), '')::bigint
{%- endmacro %}


{#- The slices of all loads of the build: (channel_username, slice_date). -#}
{% macro find_touched_slices() -%}
    {%- set build_loads = api.Relation.create(
        database=target.database, schema='ops', identifier='build_loads') -%}
    {%- set loads = api.Relation.create(
        database=target.database, schema='raw', identifier='loads') -%}
    select distinct loads.channel_username, loads.slice_date
    from {{ build_loads }} as build_loads
    inner join {{ loads }} as loads on build_loads.load_id = loads.load_id
    where build_loads.build_id = {{ build_id() }}
{%- endmacro %}


{#-
    First pre-hook of every model: note those slices in a table that lives as long as the model's
    transaction, with statistics. Without them the planner takes one day of all channels for all days
    of all channels, and a build of 10,000 posts reads a million. One snapshot from here on, so that no
    load commits between what a model takes out and what it reads anew.
-#}
{% macro note_touched_slices() -%}
    {%- if is_incremental() %}
    set transaction isolation level repeatable read;
    create temporary table touched_slices on commit drop as
    {{ find_touched_slices() }};
    analyze touched_slices;
    {%- endif %}
{%- endmacro %}


{#- Those slices, as noted. -#}
{% macro touched_slices() -%}
    select touched_slices.channel_username, touched_slices.slice_date from touched_slices
{%- endmacro %}


{#-
    Pre-hook: note an upstream's rows of touched slices in a table with statistics, for a join. Of a new
    day's the planner expects one row: it unpacked all JSON once for each of them.
-#}
{% macro note_touched_rows(upstream, date_column) -%}
    {%- if is_incremental() %}
    create temporary table touched_rows on commit drop as
    select rows_of_slice.*
    from touched_slices
    cross join lateral (
        select * from {{ upstream }} as upstream_rows
        where
            upstream_rows.channel_username = touched_slices.channel_username
            and upstream_rows.{{ date_column }} = touched_slices.slice_date
        -- Slice by slice: else the planner may unpack all rows to find those of a few slices.
        offset 0
    ) as rows_of_slice;
    analyze touched_rows;
    {%- endif %}
{%- endmacro %}


{#- The channels of those slices: (channel_username). -#}
{% macro touched_channels() -%}
    select touched_slices.channel_username from touched_slices
{%- endmacro %}


{#-
    The build in progress and those before it that were not finished. What a model noted as changed
    under one of them may not have reached the models after it yet.
-#}
{% macro unfinished_builds() -%}
    {%- set builds = api.Relation.create(
        database=target.database, schema='ops', identifier='builds') -%}
    select unfinished.build_id
    from {{ builds }} as unfinished
    where
        unfinished.build_id <= {{ build_id() }}
        and unfinished.build_id > coalesce(
            (
                select finished.build_id
                from {{ builds }} as finished
                where finished.status = 'done'
                order by finished.build_id desc
                limit 1
            ),
            0
        )
{%- endmacro %}


{#-
    The posts that a model with one or more rows per post has to make anew: (message_pk). Those of
    touched slices, and those whose traits another post of their channel has changed.
-#}
{% macro find_touched_posts() -%}
    select posts.message_pk
    from {{ ref('stg_telegram_messages') }} as posts
    where (posts.channel_username, posts.message_date) in ({{ touched_slices() }})
    union
    select traits.message_pk
    from {{ ref('int_post_traits') }} as traits
    where traits.changed_in_build in ({{ unfinished_builds() }})
{%- endmacro %}


{#-
    Those posts, as `note_touched_posts` has noted them for the model: with statistics, since the
    planner takes a build's loads for one row, and then joins 10,000 posts in nested loops (25 s).
-#}
{% macro touched_posts() -%}
    select touched_posts.message_pk from touched_posts
{%- endmacro %}


{#-
    The days of those posts, those of touched slices, and those that a post has left:
    (channel_username, message_date).
-#}
{% macro touched_days() -%}
    select slices.channel_username, slices.slice_date as message_date
    from ({{ touched_slices() }}) as slices
    union
    select traits.channel_username, traits.message_date
    from {{ ref('int_post_traits') }} as traits
    where traits.changed_in_build in ({{ unfinished_builds() }})
    union
    select days.channel_username, days.message_date
    from {{ ref('int_channel_days') }} as days
    where days.changed_in_build in ({{ unfinished_builds() }})
{%- endmacro %}


{#-
    Pre-hook: take out of the model what the build is about to append, in the model's own
    transaction: the rows of touched slices, and those of posts that now stand in one of them in
    `upstream`. The latter matter when a post moves to another day (a better date for it becomes
    known) and the load commits between two models: the day it left is then the next build's. Such a
    post is looked for by its `key`, which the model needs an index for.
-#}
{% macro delete_touched(date_column, upstream, upstream_date_column, key='channel_username, message_id') -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where (channel_username, {{ date_column }}) in ({{ touched_slices() }});
    delete from {{ this }}
    where ({{ key }}) in (
        select {{ key }}
        from {{ upstream }}
        where (channel_username, {{ upstream_date_column }}) in ({{ touched_slices() }})
    );
    {%- endif %}
{%- endmacro %}


{#- Pre-hook: note the touched posts in a table that lives as long as the model's transaction. -#}
{% macro note_touched_posts() -%}
    {%- set posts = find_touched_posts() -%}
    {%- if is_incremental() %}
    create temporary table touched_posts on commit drop as
    {{ posts }};
    analyze touched_posts;
    {%- endif %}
{%- endmacro %}


{#- Pre-hook of a mart with rows per post: take out those of touched slices and of touched posts. -#}
{% macro delete_touched_posts(date_column='message_date') -%}
    {{ note_touched_posts() }}
    {%- if is_incremental() %}
    delete from {{ this }}
    where (channel_username, {{ date_column }}) in ({{ touched_slices() }});
    delete from {{ this }}
    where message_pk in ({{ touched_posts() }});
    {%- endif %}
{%- endmacro %}


{#- Pre-hook of a model whose rows never move to another day. -#}
{% macro delete_touched_days(date_column) -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where (channel_username, {{ date_column }}) in ({{ touched_slices() }});
    {%- endif %}
{%- endmacro %}


{#- Pre-hook of mart_channel_daily_activity: take out the days of touched posts, and those that have none. -#}
{% macro delete_touched_activity() -%}
    {%- set days = touched_days() -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where (channel_username, activity_date) in ({{ days }});
    delete from {{ this }} as before
    where
        before.channel_username in ({{ touched_channels() }})
        and not exists (
            select 1 from {{ ref('int_channel_days') }} as days
            where
                days.channel_username = before.channel_username
                and days.message_date = before.activity_date
        );
    {%- endif %}
{%- endmacro %}


{#- Post-hook of int_channel_days: take out the days that have no post any more. -#}
{% macro delete_days_without_posts(posts) -%}
    {%- if is_incremental() %}
    delete from {{ this }} as before
    where
        before.channel_username in ({{ touched_channels() }})
        and not exists (
            select 1 from {{ posts }} as posts
            where
                posts.channel_username = before.channel_username
                and posts.message_date = before.message_date
        );
    {%- endif %}
{%- endmacro %}


{#- The images that a post of a touched slice shows or showed: (image_sha256). -#}
{% macro touched_images() -%}
    select images.image_sha256
    from {{ ref('int_image_posts') }} as images
    where images.changed_in_build in ({{ unfinished_builds() }})
{%- endmacro %}


{#- Pre-hook of dim_images: an image that several channels show is made anew of all of them. -#}
{% macro delete_touched_images() -%}
    {%- set images = touched_images() -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where image_sha256 in ({{ images }});
    {%- endif %}
{%- endmacro %}


{#- Pre-hook of a model that is made anew for a whole channel at once. -#}
{% macro delete_touched_channels() -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where channel_username in ({{ touched_channels() }});
    {%- endif %}
{%- endmacro %}
