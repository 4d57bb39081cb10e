{{ config(
    pre_hook=[
        "{{ note_touched_keys('text_key', ref('stg_post_extractions')) }}",
        "{{ delete_touched_keys('text_key') }}",
    ],
    indexes=[
        {'columns': ['text_key'], 'unique': true},
        {'columns': ['message_pk'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

posts as (
    select
        text_key,
        channel_username,
        message_pk,
        message_id,
        line_numbers,
        line_hashes,
        line_footers,
        message_date
    from {{ ref('stg_post_extractions') }}
    where
        text_key is not null
        {% if is_incremental() %}
        and text_key in (select touched_keys.touched_key from touched_keys)
        {% endif %}
),

-- Posts of one text can differ in punctuation, so one of them speaks for all: the first.
first_posts as (
    select distinct on (text_key) *
    from posts
    order by text_key asc, message_date asc, message_id asc
),

offers as (
    select
        message_pk,
        line_number,
        price_line_number
    from {{ ref('stg_offers') }}
),

texts as (
    select
        first_posts.text_key,
        first_posts.channel_username,
        first_posts.message_pk,
        array(
            select distinct text_lines.line_hash
            from unnest(first_posts.line_hashes, first_posts.line_footers) as text_lines (line_hash, is_footer)
            where not text_lines.is_footer
            order by text_lines.line_hash
        ) as line_hashes,
        array(
            select distinct text_lines.line_hash
            from offers
            inner join
                unnest(first_posts.line_numbers, first_posts.line_hashes) as text_lines (line_number, line_hash)
                on text_lines.line_number in (offers.line_number, offers.price_line_number)
            where offers.message_pk = first_posts.message_pk
            order by text_lines.line_hash
        ) as offer_line_hashes,
        first_posts.message_date
    from first_posts
)

select * from texts
