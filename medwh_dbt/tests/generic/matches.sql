{#- A known text fits a regular expression of PostgreSQL. -#}
{% test matches(model, column_name, pattern) %}

select {{ column_name }}
from {{ model }}
where {{ column_name }} !~ '{{ pattern }}'

{% endtest %}
