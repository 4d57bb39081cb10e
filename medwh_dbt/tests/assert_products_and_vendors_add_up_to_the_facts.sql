{{ config(meta={'dagster': {'ref': {'name': 'dim_products'}}}) }}

-- What products and vendors count adds up to the rows of the facts: a count that does not is returned.
with

counts as (
    select
        'offers of products' as counted,
        (select sum(offer_count) from {{ ref('dim_products') }}) as in_dimension,
        (select count(product_pk) from {{ ref('fct_offers') }}) as in_facts
    union all
    select
        'posts that name products' as counted,
        (select sum(message_count) from {{ ref('dim_products') }}) as in_dimension,
        (select count(*) from {{ ref('fct_product_mentions') }}) as in_facts
    union all
    select
        'offers of vendors' as counted,
        (select sum(offer_count) from {{ ref('dim_vendors') }}) as in_dimension,
        (select count(vendor_pk) from {{ ref('fct_offers') }}) as in_facts
    union all
    select
        'posts with vendors' as counted,
        (select sum(message_count) from {{ ref('dim_vendors') }}) as in_dimension,
        (select count(*) from {{ ref('fct_message_vendors') }}) as in_facts
)

select *
from counts
where coalesce(in_dimension, 0) <> in_facts
