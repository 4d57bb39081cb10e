{{ config(
    materialized='table',
    indexes=[{'columns': ['message_count', 'unmatched_term_key']}],
) }}

with

offers as (
    select
        message_pk,
        line_number,
        offered_as as line_name,
        line_text,
        price is not null as is_priced
    from {{ ref('fct_offers') }}
    where product_pk is null
),

lines as (
    select
        product_lines.message_pk,
        product_lines.line_number,
        product_lines.line_name,
        product_lines.line_text
    from {{ ref('stg_product_lines') }} as product_lines
    inner join {{ ref('int_post_traits') }} as traits on product_lines.message_pk = traits.message_pk
    where
        product_lines.product_key is null
        and traits.post_kind = 'sale'
        and not product_lines.line_number = any(traits.boilerplate_lines)
),

-- A line is offered with a price, without one, or only looks like an item of a list.
named as (
    select
        message_pk,
        line_number,
        line_name,
        line_text,
        is_priced
    from offers
    union all
    select
        lines.message_pk,
        lines.line_number,
        lines.line_name,
        lines.line_text,
        false as is_priced
    from lines
    where not exists (
        select 1 from offers
        where
            lines.message_pk = offers.message_pk
            and lines.line_number = offers.line_number
    )
),

posts as (
    select
        message_pk,
        channel_pk,
        is_repost,
        message_timestamp_utc
    from {{ ref('fct_messages') }}
),

-- Only ASCII is made lower case, which every server does alike; Ethiopic letters have no case.
spelled as (
    select
        message_pk,
        line_text,
        is_priced,
        left(lower(regexp_replace(btrim(line_name), '\s+', ' ', 'g') collate "C"), 120) as term
    from named
    where line_name <> ''
),

terms as (
    select
        spelled.term,
        spelled.line_text,
        spelled.is_priced,
        posts.message_pk,
        posts.channel_pk,
        posts.is_repost,
        posts.message_timestamp_utc
    from spelled
    inner join posts on spelled.message_pk = posts.message_pk
),

counted as (
    select
        term,
        count(distinct message_pk) as message_count,
        count(distinct message_pk) filter (where not is_repost) as distinct_message_count,
        count(*) filter (where is_priced) as priced_offer_count,
        count(distinct channel_pk) as channel_count,
        min(message_timestamp_utc) as first_seen_at,
        max(message_timestamp_utc) as last_seen_at
    from terms
    group by term
),

-- The newest post that says it.
examples as (
    select distinct on (term)
        term,
        message_pk as example_message_pk,
        line_text as example_line
    from terms
    order by term asc, message_timestamp_utc desc, message_pk asc, line_text collate "C" asc
),

unmatched as (
    select
        md5(counted.term) as unmatched_term_key,
        examples.example_message_pk,

        counted.term,
        examples.example_line,

        counted.message_count,
        counted.distinct_message_count,
        counted.priced_offer_count,
        counted.channel_count,

        counted.first_seen_at,
        counted.last_seen_at
    from counted
    inner join examples on counted.term = examples.term
)

select * from unmatched
