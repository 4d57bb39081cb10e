{#-
    fct_offers as the last build left it: this model stands before it, so it cannot be a ref.
-#}
{%- set offers_before = adapter.get_relation(
    database=this.database, schema=generate_schema_name('marts', model), identifier='fct_offers') if execute -%}
-- depends_on: {{ ref('stg_telegram_messages') }}
-- depends_on: {{ ref('int_post_traits') }}
{{ config(
    pre_hook=["{{ delete_settled('false') }}", "{{ note_touched_posts() }}"],
    indexes=[{'columns': ['changed_in_build']}],
) }}

{% if is_incremental() and offers_before -%}
with

gone as (
    select distinct_offer_key
    from {{ offers_before }}
    where (channel_username, message_date) in ({{ touched_slices() }})
    union
    select distinct_offer_key
    from {{ offers_before }}
    where message_pk in ({{ touched_posts() }})
)

select
    distinct_offer_key,
    {{ build_id() }} as changed_in_build
from gone
{%- else -%}
select
    null::text as distinct_offer_key,
    null::bigint as changed_in_build
where false
{%- endif %}
