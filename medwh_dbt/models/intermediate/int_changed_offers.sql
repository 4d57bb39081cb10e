{{ config(
    pre_hook=["{{ delete_settled('false') }}", "{{ note_touched_posts() }}"],
    indexes=[{'columns': ['changed_in_build']}],
) }}

-- depends_on: {{ ref('stg_telegram_messages') }}
-- depends_on: {{ ref('int_post_traits') }}
{% if is_incremental() -%}
with

gone as (
    select distinct_offer_key
    from {{ offers_before() }}
    where (channel_username, message_date) in ({{ touched_slices() }})
    union
    select distinct_offer_key
    from {{ offers_before() }}
    where message_pk in ({{ touched_posts() }})
)

select
    {{ surrogate_key(['distinct_offer_key', build_id()]) }} as changed_offer_key,
    distinct_offer_key,
    {{ build_id() }} as changed_in_build
from gone
{%- else -%}
-- Nothing was offered before a rebuild.
select
    null::text as changed_offer_key,
    null::text as distinct_offer_key,
    null::bigint as changed_in_build
where false
{%- endif %}
