{{ config(
    pre_hook="{{ delete_touched_posts('message_date') }}",
    indexes=[
        {'columns': ['product_pk', 'message_timestamp_utc', 'message_pk']},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['message_pk']},
    ],
) }}

with

products as (
    select
        product_key,
        {{ surrogate_key(['product_key']) }} as product_pk
    from {{ ref('product_vocabulary') }}
),

lines as (
    select
        product_lines.message_pk,
        product_lines.line_number,
        product_lines.product_key,
        products.product_pk,
        product_lines.match_method,
        product_lines.match_score,
        product_lines.message_date,
        product_lines.matched_text
    from {{ ref('stg_product_lines') }} as product_lines
    inner join products on product_lines.product_key = products.product_key
    {% if is_incremental() %}
    where product_lines.message_pk in ({{ touched_posts() }})
    {% endif %}
),

traits as (
    select
        message_pk,
        boilerplate_lines
    from {{ ref('int_post_traits') }}
    {% if is_incremental() %}
    where message_pk in ({{ touched_posts() }})
    {% endif %}
),

posts as (
    select
        message_pk,
        channel_pk,
        date_pk,
        distinct_message_key,
        channel_username,
        message_id,
        post_kind,
        is_repost,
        message_date,
        message_timestamp_utc
    from {{ ref('fct_messages') }}
    {% if is_incremental() %}
    where message_pk in ({{ touched_posts() }})
    {% endif %}
),

-- Offers stand among the lines, not beside them: a join of the two makes the planner read all offers
-- for every mention.
named_or_offered as (
    select
        lines.message_pk,
        lines.message_date,
        lines.product_key,
        lines.product_pk,
        lines.matched_text,
        lines.match_method,
        lines.match_score,
        lines.line_number,
        false as is_offer
    from lines
    inner join traits on lines.message_pk = traits.message_pk
    where not lines.line_number = any(traits.boilerplate_lines)
    union all
    select
        message_pk,
        message_date,
        product_key,
        product_pk,
        null as matched_text,
        null as match_method,
        null as match_score,
        null as line_number,
        true as is_offer
    from {{ ref('fct_offers') }}
    where
        product_key is not null
        {% if is_incremental() %}
        and message_pk in ({{ touched_posts() }})
        {% endif %}
),

named as (
    select
        message_pk,
        message_date,
        product_key,
        product_pk,
        min(matched_text collate "C") as matched_text,
        case
            when bool_or(match_method = 'exact') then 'exact'
            when bool_or(match_method = 'alias') then 'alias'
            else 'fuzzy'
        end as match_method,
        max(match_score)::numeric(5, 4) as match_score,
        count(distinct line_number) as line_count,
        min(line_number) as first_line_number,
        bool_or(is_offer) as is_offered
    from named_or_offered
    group by
        message_pk,
        message_date,
        product_key,
        product_pk
    having not bool_and(is_offer)
),

mentions as (
    select
        md5(named.message_pk || '|' || named.product_key) as product_mention_key,
        named.message_pk,
        posts.channel_pk,
        posts.date_pk,
        named.product_pk,
        posts.distinct_message_key,
        posts.channel_username,
        posts.message_id,

        named.product_key,
        named.matched_text,
        named.match_method,
        posts.post_kind,

        named.match_score,
        named.line_count,
        named.first_line_number,

        named.is_offered,
        posts.is_repost,

        posts.message_date,
        posts.message_timestamp_utc
    from named
    inner join posts
        on
            named.message_pk = posts.message_pk
            and named.message_date = posts.message_date
)

select * from mentions
