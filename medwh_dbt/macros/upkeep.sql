{#-
    Post-hook: the models that follow in the same build are planned before autovacuum comes by, so
    a table that was made anew gets its statistics at once.
-#}
{% macro analyze_after_rebuild() -%}
    {%- if not is_incremental() and model.config.materialized != 'view' %}
    analyze {{ this }};
    {%- endif %}
{%- endmacro %}


{#-
    dbt makes a model's `indexes` with this, before the new table takes the old one's place. A
    trigram index (`{'columns': ['message_text gin_trgm_ops'], 'type': 'gin'}`, for `ilike
    '%word%'`) is left out where the server has no pg_trgm, and finds it in whichever schema it is.
-#}
{% macro postgres__get_create_index_sql(relation, index_dict) -%}
    {%- set index = adapter.parse_index(index_dict) -%}
    {%- set columns = index.columns | join(', ') -%}
    {%- set create -%}
        create {{ 'unique' if index.unique }} index if not exists "{{ index.render(relation) }}"
        on {{ relation }} using {{ index.type or 'btree' }}
    {%- endset -%}
    {%- if 'gin_trgm_ops' not in columns -%}
    {{ create }} ({{ columns }})
    {%- else -%}
    do $trigram$
    declare
        extension_schema text := (
            select extnamespace::regnamespace::text from pg_extension where extname = 'pg_trgm'
        );
    begin
        if extension_schema is not null then
            execute format(
                '{{ create }} (%s)',
                replace('{{ columns }}', 'gin_trgm_ops', extension_schema || '.gin_trgm_ops')
            );
        end if;
    end
    $trigram$
    {%- endif -%}
{%- endmacro %}
