{#-
    The md5 of natural key columns, as text: the same key in every rebuild.
    Columns must be not null and free of '|': usernames, ids and dates are. A date goes in by
    `date_key`, because its plain cast to text obeys the session's DateStyle.
-#}
{% macro surrogate_key(columns) -%}
    md5({% for column in columns %}{{ column }}::text{% if not loop.last %} || '|' || {% endif %}{% endfor %})
{%- endmacro %}


{% macro date_key(column) -%}
    md5({{ day_text(column) }})
{%- endmacro %}


{#- A day as a key's part: the same text whatever the session's DateStyle. -#}
{% macro day_text(column) -%}
    to_char({{ column }}, 'YYYY-MM-DD')
{%- endmacro %}


{#- A moment as a key's part: the same text whatever the session's time zone and DateStyle. -#}
{% macro moment_text(column) -%}
    to_char({{ column }} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')
{%- endmacro %}
