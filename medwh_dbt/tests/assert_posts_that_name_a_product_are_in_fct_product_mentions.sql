{{ config(meta={'dagster': {'ref': {'name': 'fct_product_mentions'}}}) }}

-- Posts in = posts out: a post and product are returned that are in one of the two alone.
with

expected as (
    select distinct
        product_lines.message_pk,
        product_lines.product_key
    from {{ ref('stg_product_lines') }} as product_lines
    inner join {{ ref('int_post_traits') }} as traits on product_lines.message_pk = traits.message_pk
    inner join {{ ref('fct_messages') }} as posts
        on
            product_lines.message_pk = posts.message_pk
            and product_lines.message_date = posts.message_date
    inner join {{ ref('product_vocabulary') }} as products on product_lines.product_key = products.product_key
    where not product_lines.line_number = any(traits.boilerplate_lines)
)

select
    coalesce(expected.message_pk, fact.message_pk) as message_pk,
    coalesce(expected.product_key, fact.product_key) as product_key,
    expected.message_pk is null as only_in_fct_product_mentions
from expected
full outer join {{ ref('fct_product_mentions') }} as fact
    on
        expected.message_pk = fact.message_pk
        and expected.product_key = fact.product_key
where expected.message_pk is null or fact.message_pk is null
