{{ config(
    materialized='table',
    indexes=[{'columns': ['message_count', 'unmatched_term_key']}],
) }}

with

lines as (
    select * from {{ ref('fct_unmatched_lines') }}
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
    from lines
    group by term
),

-- The newest post that says it.
examples as (
    select distinct on (term)
        term,
        message_pk as example_message_pk,
        line_text as example_line
    from lines
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
