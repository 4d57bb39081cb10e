{{ config(meta={'dagster': {'ref': {'name': 'fct_offers'}}}) }}

-- Offers in = offers out: an offer is returned that is in one of the two alone, of those that a sale
-- post makes in lines of its own.
with

expected as (
    select offers.offer_key
    from {{ ref('stg_offers') }} as offers
    inner join {{ ref('int_post_traits') }} as traits on offers.message_pk = traits.message_pk
    inner join {{ ref('fct_messages') }} as posts
        on
            offers.message_pk = posts.message_pk
            and offers.message_date = posts.message_date
    where
        traits.post_kind = 'sale'
        and not array[offers.line_number, offers.price_line_number] && traits.boilerplate_lines
)

select
    coalesce(expected.offer_key, fact.offer_key) as offer_key,
    expected.offer_key is null as only_in_fct_offers
from expected
full outer join {{ ref('fct_offers') }} as fact on expected.offer_key = fact.offer_key
where expected.offer_key is null or fact.offer_key is null
