{{ config(
    incremental_strategy='delete+insert',
    unique_key='channel_day_key',
    post_hook="{{ delete_days_without_posts(ref('stg_telegram_messages')) }}",
    indexes=[
        {'columns': ['channel_day_key'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

{% if is_incremental() -%}
counts as (
    select
        channel_username,
        message_date,
        count(*) as message_count
    from {{ ref('stg_telegram_messages') }}
    where channel_username in ({{ touched_channels() }})
    group by channel_username, message_date
),

-- A post that has moved to a touched slice leaves a day that may not be one: its count tells.
touched as (
    select
        slices.channel_username,
        slices.slice_date as message_date
    from ({{ touched_slices() }}) as slices
    union
    select
        counts.channel_username,
        counts.message_date
    from counts
    left join {{ this }} as days_before
        on
            counts.channel_username = days_before.channel_username
            and counts.message_date = days_before.message_date
    where counts.message_count is distinct from days_before.message_count
),

{% endif -%}
posts as (
    select
        channel_username,
        message_id,
        channel_id,
        channel_title,
        channel_spellings,
        message_date,
        message_timestamp_utc
    from {{ ref('stg_telegram_messages') }}
    {% if is_incremental() %}
    where (channel_username, message_date) in (select touched.* from touched)
    {% endif %}
),

-- The newest post that says it knows a channel's title and id best.
titles as (
    select
        channel_username,
        message_date,
        (
            array_agg(channel_title order by message_timestamp_utc desc, message_id desc)
            filter (where channel_title is not null)
        )[1] as channel_title,
        (
            array_agg(channel_id order by message_timestamp_utc desc, message_id desc)
            filter (where channel_id is not null)
        )[1] as channel_id,
        count(*) as message_count,
        min(message_timestamp_utc) as first_post_at,
        max(message_timestamp_utc) as last_post_at
    from posts
    group by channel_username, message_date
),

usernames as (
    select
        posts.channel_username,
        posts.message_date,
        posts.message_timestamp_utc,
        posts.message_id,
        ltrim(elements.spelling, '@') as spelling
    from posts
    cross join lateral jsonb_array_elements_text(posts.channel_spellings) as elements (spelling)
    where posts.channel_spellings <> '[]'
),

spellings as (
    select
        channel_username,
        message_date,
        (
            array_agg(spelling order by message_timestamp_utc desc, message_id desc, spelling collate "C" asc)
        )[1] as channel_spelling,
        string_agg(distinct spelling collate "C", ', ' order by spelling collate "C") as channel_aliases
    from usernames
    group by channel_username, message_date
),

days as (
    select
        {{ surrogate_key(['titles.channel_username', day_text('titles.message_date')]) }} as channel_day_key,
        titles.channel_username,
        titles.channel_id,
        titles.channel_title,
        spellings.channel_spelling,
        spellings.channel_aliases,
        titles.message_count,
        titles.message_date,
        titles.first_post_at,
        titles.last_post_at,
        {{ build_id() }} as changed_in_build
    from titles
    left join spellings
        on
            titles.channel_username = spellings.channel_username
            and titles.message_date = spellings.message_date
)

select * from days
