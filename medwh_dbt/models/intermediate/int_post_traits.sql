{{ config(
    incremental_strategy='delete+insert',
    unique_key='message_pk',
    pre_hook=[
        "{{ note_touched_keys('distinct_message_key', ref('stg_post_extractions')) }}",
        "{{ delete_touched_traits() }}",
    ],
    indexes=[
        {'columns': ['message_pk'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['distinct_message_key', 'first_message_pk']},
        {'columns': ['changed_in_build']},
    ],
) }}

{%- set by_key = 'posts.distinct_message_key = touched_keys.touched_key' %}

with

boilerplate as (
    select
        channel_username,
        line_hash,
        changed_in_build
    from {{ ref('int_boilerplate_lines') }}
    where is_boilerplate
),

{% if is_incremental() -%}
touched_firsts as (
    select
        touched_keys.touched_key,
        first_posts.message_pk as first_message_pk
    from touched_keys
    cross join lateral (
        select posts.message_pk
        from {{ ref('stg_post_extractions') }} as posts
        where {{ by_key }}
        order by posts.message_date asc, posts.message_id asc
        limit 1
    ) as first_posts
),

-- A line that became boilerplate or ceased to be, and every post that has it.
turned_lines as (
    select
        channel_username,
        array_agg(line_hash) as line_hashes
    from {{ ref('int_boilerplate_lines') }}
    where changed_in_build in ({{ unfinished_builds() }})
    group by channel_username
),

-- The last two are the posts whose first post is another one now: all but the rows that name it,
-- in two parts because an index finds what is less and what is greater, but not what is unequal.
touched as (
    select posts.message_pk
    from {{ ref('stg_post_extractions') }} as posts
    where (posts.channel_username, posts.message_date) in ({{ touched_slices() }})
    union
    select posts.message_pk
    from turned_lines
    inner join {{ ref('stg_post_extractions') }} as posts
        on
            turned_lines.channel_username = posts.channel_username
            and turned_lines.line_hashes && posts.line_hashes
    union
    select traits.message_pk
    from touched_firsts
    inner join {{ this }} as traits
        on
            touched_firsts.touched_key = traits.distinct_message_key
            and touched_firsts.first_message_pk < traits.first_message_pk
    union
    select traits.message_pk
    from touched_firsts
    inner join {{ this }} as traits
        on
            touched_firsts.touched_key = traits.distinct_message_key
            and touched_firsts.first_message_pk > traits.first_message_pk
),

posts as (
    select
        posts.*,
        first_posts.message_pk as first_message_pk
    from touched
    inner join {{ ref('stg_post_extractions') }} as posts on touched.message_pk = posts.message_pk
    cross join lateral (
        select earlier.message_pk
        from {{ ref('stg_post_extractions') }} as earlier
        where earlier.distinct_message_key = posts.distinct_message_key
        order by earlier.message_date asc, earlier.message_id asc
        limit 1
    ) as first_posts
),
{%- else -%}
posts as (
    select
        *,
        first_value(message_pk) over (
            partition by distinct_message_key
            order by message_date asc, message_id asc
        ) as first_message_pk
    from {{ ref('stg_post_extractions') }}
),
{%- endif %}

letters as (
    select
        posts.message_pk,
        array_agg(text_lines.line_number order by text_lines.line_number)
        filter (where boilerplate.line_hash is not null) as boilerplate_lines,
        sum(text_lines.ethiopic) filter (where boilerplate.line_hash is null) as ethiopic,
        sum(text_lines.ethiopic + text_lines.latin) filter (where boilerplate.line_hash is null) as letters
    from posts
    cross join
        lateral unnest(
            posts.line_numbers, posts.line_hashes, posts.line_footers, posts.line_ethiopic, posts.line_latin
        ) as text_lines (line_number, line_hash, is_footer, ethiopic, latin)
    left join boilerplate
        on
            posts.channel_username = boilerplate.channel_username
            and text_lines.line_hash = boilerplate.line_hash
    where not text_lines.is_footer
    group by posts.message_pk
),

traits as (
    select
        posts.message_pk,
        posts.channel_username,
        posts.message_id,
        posts.distinct_message_key,
        posts.first_message_pk,
        posts.post_kind,
        case
            when letters.letters is null or letters.letters < 3 then 'none'
            when letters.ethiopic * 10 >= letters.letters * 7 then 'am'
            when letters.ethiopic * 10 <= letters.letters then 'en'
            else 'mixed'
        end as language, -- noqa: RF04
        coalesce(letters.boilerplate_lines, '{}') as boilerplate_lines,
        posts.message_date,
        {{ build_id() }} as changed_in_build
    from posts
    left join letters on posts.message_pk = letters.message_pk
)

select * from traits
