{#-
    dbt asks this which rows a generic test looks at. In an incremental build those that the build
    has touched: of a table with the posts or days of channels the rows of touched slices, of a mart
    also the posts that another post has changed. Everything in a full refresh, in a table without days,
    and where dbt is run by hand. What is unique is so by an index over all rows.
-#}
{% macro get_where_subquery(relation) -%}
    {%- set conditions = [config.get('where')] if config.get('where') else [] -%}
    {%- if execute and not flags.FULL_REFRESH and model.attached_node in graph.nodes -%}
        {%- set tested = graph.nodes[model.attached_node] -%}
        {%- set dates = ['message_date', 'image_date', 'activity_date', 'observed_date'] -%}
        {%- set date_column = dates | select('in', tested.columns) | first -%}
        {%- if 'channel_username' in tested.columns and date_column
            and run_query('select ' ~ build_id()).columns[0][0] is not none -%}
            {%- set slices -%}
                (channel_username, {{ date_column }}) in ({{ find_touched_slices() }})
            {%- endset -%}
            {#- Only of a model made of the traits: of another they may not be built yet. -#}
            {%- if 'message_pk' in tested.columns
                and 'model.' ~ project_name ~ '.int_post_traits' in tested.depends_on.nodes -%}
                {%- set traits = api.Relation.create(
                    database=target.database, schema='staging', identifier='int_post_traits') -%}
                {%- set rows -%}
                    message_pk in (
                        select touched.message_pk from {{ relation }} as touched where {{ slices }}
                        union
                        select traits.message_pk from {{ traits }} as traits
                        where traits.changed_in_build in ({{ unfinished_builds() }})
                    )
                {%- endset -%}
            {%- endif -%}
            {%- do conditions.append(rows or slices) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if conditions -%}
        (select * from {{ relation }} where {{ conditions | join(' and ') }}) as tested_rows
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
