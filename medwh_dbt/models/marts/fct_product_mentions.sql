{{ config(
    pre_hook="{{ delete_touched_posts('message_date') }}",
    indexes=[
        {'columns': ['product_pk', 'message_timestamp_utc', 'message_pk']},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['message_pk']},
    ],
) }}

with

lines as (
    select
        message_pk,
        line_number,
        product_key,
        match_method,
        match_score,
        message_date,
        matched_text collate "C" as matched_text
    from {{ ref('stg_product_lines') }}
    where
        product_key is not null
        {% if is_incremental() %}
        and message_pk in ({{ touched_posts() }})
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

products as (
    select
        product_key,
        {{ surrogate_key(['product_key']) }} as product_pk
    from {{ ref('product_vocabulary') }}
),

offered as (
    select distinct
        message_pk,
        product_key
    from {{ ref('fct_offers') }}
    where
        product_key is not null
        {% if is_incremental() %}
        and message_pk in ({{ touched_posts() }})
        {% endif %}
),

named as (
    select
        lines.message_pk,
        lines.message_date,
        lines.product_key,
        min(lines.matched_text) as matched_text,
        case
            when bool_or(lines.match_method = 'exact') then 'exact'
            when bool_or(lines.match_method = 'alias') then 'alias'
            else 'fuzzy'
        end as match_method,
        max(lines.match_score)::numeric(5, 4) as match_score,
        count(distinct lines.line_number) as line_count,
        min(lines.line_number) as first_line_number
    from lines
    inner join traits on lines.message_pk = traits.message_pk
    where not lines.line_number = any(traits.boilerplate_lines)
    group by
        lines.message_pk,
        lines.message_date,
        lines.product_key
),

mentions as (
    select
        md5(named.message_pk || '|' || named.product_key) as product_mention_key,
        named.message_pk,
        posts.channel_pk,
        posts.date_pk,
        products.product_pk,
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

        offered.message_pk is not null as is_offered,
        posts.is_repost,

        posts.message_date,
        posts.message_timestamp_utc
    from named
    inner join posts
        on
            named.message_pk = posts.message_pk
            and named.message_date = posts.message_date
    inner join products on named.product_key = products.product_key
    left join offered
        on
            named.message_pk = offered.message_pk
            and named.product_key = offered.product_key
)

select * from mentions
