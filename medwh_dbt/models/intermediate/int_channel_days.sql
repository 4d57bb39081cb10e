{{ config(
    pre_hook="{{ delete_touched_days('message_date') }}",
    indexes=[
        {'columns': ['channel_day_key'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

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
    where (channel_username, message_date) in ({{ touched_slices() }})
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
        titles.message_date,
        titles.first_post_at,
        titles.last_post_at
    from titles
    left join spellings
        on
            titles.channel_username = spellings.channel_username
            and titles.message_date = spellings.message_date
)

select * from days
