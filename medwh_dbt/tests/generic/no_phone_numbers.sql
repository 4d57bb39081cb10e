{#-
    No text of the table holds a phone number: Ethiopian ones, with or without a country code, as one
    run of digits or in groups, between characters that are neither letter nor digit, so that a hash
    is none. Every text column is looked at, whatever it is called.
-#}
{% test no_phone_numbers(model) %}

{%- set number = '(^|[^0-9A-Za-z])([+]?251|0)[ -]?9([ -]?[0-9]){8}([^0-9A-Za-z]|$)' %}
{%- set columns = get_column_schema_from_query('select * from ' ~ model) if execute else [] %}
{%- for column in columns if column.is_string() %}
select '{{ column.name }}' as column_name, {{ column.name }} as found_in
from {{ model }}
where {{ column.name }} ~ '{{ number }}'
{%- if not loop.last %}
union all
{%- endif %}
{%- else %}
select null as column_name, null as found_in
where false
{%- endfor %}

{% endtest %}
