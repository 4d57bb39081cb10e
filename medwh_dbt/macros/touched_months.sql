{#-
    What a mart by channel and month has to make anew: (channel_username, month_start), every month
    with a touched slice or a touched post. The month that a post has left for another day's is among
    them, because the day that it left is a touched slice as well.
-#}
{% macro find_touched_months() -%}
    select
        touched.channel_username,
        date_trunc('month', touched.slice_date::timestamp)::date as month_start
    from ({{ touched_slices() }}) as touched
    union
    select
        posts.channel_username,
        date_trunc('month', posts.message_date::timestamp)::date as month_start
    from {{ ref('fct_messages') }} as posts
    where posts.message_pk in ({{ find_touched_posts() }})
{%- endmacro %}


{#- Those months, as the pre-hook has noted them for the model, with statistics for the planner. -#}
{% macro touched_channel_months() -%}
    select touched_months.channel_username, touched_months.month_start from touched_months
{%- endmacro %}


{#- Pre-hook of a mart by channel and month. -#}
{% macro delete_touched_channel_months() -%}
    {%- set months = find_touched_months() -%}
    {%- if is_incremental() %}
    create temporary table touched_months on commit drop as
    {{ months }};
    analyze touched_months;
    delete from {{ this }}
    where (channel_username, month_start) in ({{ touched_channel_months() }});
    {%- endif %}
{%- endmacro %}


{#- Pre-hook of a mart by month over all channels. -#}
{% macro delete_touched_months() -%}
    {%- set months = find_touched_months() -%}
    {%- if is_incremental() %}
    create temporary table touched_months on commit drop as
    {{ months }};
    analyze touched_months;
    delete from {{ this }}
    where month_start in (select touched_months.month_start from touched_months);
    {%- endif %}
{%- endmacro %}
