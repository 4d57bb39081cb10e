{#-
    What a build has to work in. A build's loads are fixed in ops.build_loads before dbt starts, so
    a load that commits while dbt runs belongs to the next build. Every slice that gained, changed
    or lost a row in `raw` has a load in the ledger, and what a fact says of a slice is made of that
    slice alone: so touched slices are all that has to be made anew.
    The ledger and the build tables are bookkeeping, not data that models are made of: they are
    named here and are no dbt sources.
-#}

{#- The slices of all loads of the build in `build_id`: (channel_username, slice_date). -#}
{% macro touched_slices() -%}
    {%- set build_id = var('build_id', none) -%}
    {%- set build_loads = api.Relation.create(
        database=target.database, schema='ops', identifier='build_loads') -%}
    {%- set loads = api.Relation.create(
        database=target.database, schema='raw', identifier='loads') -%}
    select loads.channel_username, loads.slice_date
    from {{ build_loads }} as build_loads
    inner join {{ loads }} as loads on build_loads.load_id = loads.load_id
    where build_loads.build_id = {{ 'null' if build_id is none else build_id | int }}
{%- endmacro %}


{#-
    Pre-hook: take out of the model what the build is about to append, in the model's own
    transaction: the rows of touched slices, and those of posts that now stand in one of them in
    `upstream`. The latter matter when a post moves to another day (a better date for it becomes
    known) and the load commits between two models: the day it left is then the next build's.
    One snapshot for taking out and reading anew, so that no load commits in between.
-#}
{% macro delete_touched(date_column, upstream, upstream_date_column) -%}
    {%- if is_incremental() %}
    set transaction isolation level repeatable read;
    delete from {{ this }}
    where (channel_username, {{ date_column }}) in ({{ touched_slices() }});
    delete from {{ this }}
    where (channel_username, message_id) in (
        select channel_username, message_id
        from {{ upstream }}
        where (channel_username, {{ upstream_date_column }}) in ({{ touched_slices() }})
    );
    {%- endif %}
{%- endmacro %}


{#- Pre-hook of a model whose rows never move to another day. One snapshot, as above. -#}
{% macro delete_touched_days(date_column) -%}
    {%- if is_incremental() %}
    set transaction isolation level repeatable read;
    delete from {{ this }}
    where (channel_username, {{ date_column }}) in ({{ touched_slices() }});
    {%- endif %}
{%- endmacro %}


{#-
    Pre-hook of dim_images: take out the images of touched channels, as they were and as they are
    now. An image that another channel has shown as well is made anew of both. Two statements, so
    that each is a join: of one with `or`, PostgreSQL makes a look into the list for every row.
-#}
{% macro delete_images_of_touched_channels() -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where string_to_array(channel_usernames, ', ') && array(
        select distinct touched.channel_username from ({{ touched_slices() }}) as touched
    );
    delete from {{ this }}
    where image_sha256 in (
        select posts.image_sha256
        from {{ ref('fct_messages') }} as posts
        where posts.channel_username in (
            select touched.channel_username from ({{ touched_slices() }}) as touched
        )
    );
    {%- endif %}
{%- endmacro %}


{#- Pre-hook of a model that is made anew for a whole channel at once. -#}
{% macro delete_touched_channels() -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where channel_username in (select touched.channel_username from ({{ touched_slices() }}) as touched);
    {%- endif %}
{%- endmacro %}
