{#- The median of an array of numbers in order: its middle, or half way between its two middle ones. -#}
{% macro middle_of(ordered, length) -%}
    ({{ ordered }}[({{ length }} + 1) / 2] + {{ ordered }}[({{ length }} + 2) / 2]) / 2
{%- endmacro %}
