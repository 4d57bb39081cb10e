{{ config(meta={'dagster': {'ref': {'name': 'fct_messages'}}}) }}

-- Posts in = posts out: a post that is in one of the two tables alone is returned.
select
    coalesce(staged.message_pk, fact.message_pk) as message_pk,
    staged.message_pk is null as only_in_fct_messages
from {{ ref('stg_telegram_messages') }} as staged
full outer join {{ ref('fct_messages') }} as fact on staged.message_pk = fact.message_pk
where staged.message_pk is null or fact.message_pk is null
