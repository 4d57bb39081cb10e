{{ config(
    pre_hook="{{ delete_touched_posts('message_date') }}",
    indexes=[
        {'columns': ['message_pk']},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

offers as (
    select
        message_pk,
        line_number,
        offer_number,
        offered_as as line_name,
        line_text,
        price is not null as is_priced
    from {{ ref('fct_offers') }}
    where
        product_pk is null
        {% if is_incremental() %}
        and message_pk in ({{ touched_posts() }})
        {% endif %}
),

lines as (
    select
        product_lines.message_pk,
        product_lines.line_number,
        0 as offer_number,
        product_lines.line_name,
        product_lines.line_text
    from {{ ref('stg_product_lines') }} as product_lines
    inner join {{ ref('int_post_traits') }} as traits on product_lines.message_pk = traits.message_pk
    where
        product_lines.product_key is null
        and traits.post_kind = 'sale'
        and not product_lines.line_number = any(traits.boilerplate_lines)
        {% if is_incremental() %}
        and product_lines.message_pk in ({{ touched_posts() }})
        {% endif %}
),

-- A line is offered with a price, without one, or only looks like an item of a list.
named as (
    select
        message_pk,
        line_number,
        offer_number,
        line_name,
        line_text,
        is_priced
    from offers
    union all
    select
        lines.message_pk,
        lines.line_number,
        lines.offer_number,
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
        channel_username,
        is_repost,
        message_date,
        message_timestamp_utc
    from {{ ref('fct_messages') }}
    {% if is_incremental() %}
    where message_pk in ({{ touched_posts() }})
    {% endif %}
),

-- Only ASCII is made lower case, which every server does alike; Ethiopic letters have no case.
spelled as (
    select
        message_pk,
        line_number,
        offer_number,
        line_text,
        is_priced,
        left(lower(regexp_replace(btrim(line_name), '\s+', ' ', 'g') collate "C"), 120) as term
    from named
    where line_name <> ''
),

unmatched as (
    select
        md5(spelled.message_pk || '|' || spelled.line_number::text || '|' || spelled.offer_number::text)
            as unmatched_line_key,
        spelled.message_pk,
        posts.channel_pk,
        posts.channel_username,
        spelled.line_number,
        spelled.offer_number,

        spelled.term,
        spelled.line_text,

        spelled.is_priced,
        posts.is_repost,

        posts.message_date,
        posts.message_timestamp_utc
    from spelled
    inner join posts on spelled.message_pk = posts.message_pk
)

select * from unmatched
