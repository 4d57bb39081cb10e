{#-
    What a mart by channel and month has to make anew: (channel_username, month_start), every month
    with a touched slice or a touched post. The month that a post has left for another day's is among
    them, because the day that it left is a touched slice as well.
-#}
{% macro touched_channel_months() -%}
    select
        touched.channel_username,
        date_trunc('month', touched.slice_date::timestamp)::date as month_start
    from ({{ touched_slices() }}) as touched
    union
    select
        posts.channel_username,
        date_trunc('month', posts.message_date::timestamp)::date as month_start
    from {{ ref('fct_messages') }} as posts
    where posts.message_pk in ({{ touched_posts() }})
{%- endmacro %}


{#- Pre-hook of a mart by channel and month. -#}
{% macro delete_touched_channel_months() -%}
    {%- set months = touched_channel_months() -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where (channel_username, month_start) in ({{ months }});
    {%- endif %}
{%- endmacro %}


{#- Pre-hook of a mart by month over all channels. -#}
{% macro delete_touched_months() -%}
    {%- set months = touched_channel_months() -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where month_start in (select touched.month_start from ({{ months }}) as touched);
    {%- endif %}
{%- endmacro %}
