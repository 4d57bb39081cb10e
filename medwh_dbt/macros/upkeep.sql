{#-
    Post-hook: the models that follow in the same build are planned before autovacuum comes by, so
    a table that was made anew gets its statistics at once.
-#}
{% macro analyze_after_rebuild() -%}
    {%- if not is_incremental() %}
    analyze {{ this }};
    {%- endif %}
{%- endmacro %}


{#-
    Post-hook: a trigram index for `ilike '%word%'`, where the server has pg_trgm. dbt's own
    `indexes` cannot name an operator class. The index is unnamed and looked for on the table
    itself: `create index if not exists` would, in a full refresh, find the name taken by the old
    table and leave the new one bare.
-#}
{% macro trigram_index(column) -%}
    do $trigram$
    declare
        extension_schema text := (
            select extnamespace::regnamespace::text from pg_extension where extname = 'pg_trgm'
        );
    begin
        if extension_schema is not null and not exists (
            select 1 from pg_index
            where indrelid = '{{ this }}'::regclass
                and pg_get_indexdef(indexrelid) like '%gin_trgm_ops%'
        ) then
            execute format(
                'create index on %s using gin (%I %s.gin_trgm_ops)',
                '{{ this }}'::regclass, '{{ column }}', extension_schema
            );
        end if;
    end
    $trigram$;
{%- endmacro %}
