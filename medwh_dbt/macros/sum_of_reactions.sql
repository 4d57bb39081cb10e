{#- How many answered with an emoji, of a JSON array of {emoji, count}; null where the source told nothing. -#}
{% macro sum_of_reactions(column) -%}
    case
        when jsonb_typeof({{ column }}) = 'array'
            then
                (
                    select coalesce(sum((reaction_elements.reaction ->> 'count')::bigint), 0)
                    from jsonb_array_elements({{ column }}) as reaction_elements (reaction)
                )::bigint
    end
{%- endmacro %}
