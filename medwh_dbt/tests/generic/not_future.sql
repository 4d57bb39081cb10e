{#-
    A moment does not lie in the future. A day is allowed for: sources that give local time without
    an offset are taken as UTC and can be 14 hours ahead.
-#}
{% test not_future(model, column_name) %}

select {{ column_name }}
from {{ model }}
where {{ column_name }} > current_timestamp + interval '1 day'

{% endtest %}
