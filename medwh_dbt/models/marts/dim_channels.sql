{{ config(pre_hook="{{ delete_touched_channels() }}") }}

with

-- A channel's row depends on all of its posts, so every touched channel is counted anew.
posts as (
    select
        channel_username,
        message_id,
        channel_id,
        channel_title,
        channel_spellings,
        views_count,
        message_timestamp_utc
    from {{ ref('stg_telegram_messages') }}
    {% if is_incremental() %}
    where channel_username in (select slices.channel_username from ({{ touched_slices() }}) as slices)
    {% endif %}
),

images as (
    select
        channel_username,
        count(*) as image_count
    from {{ ref('fct_messages') }}
    where has_image
    group by channel_username
),

-- What live reading saw of a channel is newer than what its posts were brought in with.
observations as (
    select
        channel_username,
        channel_id,
        channel_spelling,
        channel_title,
        channel_about,
        subscribers_count,
        observed_at
    from {{ ref('stg_channel_facts') }}
    {% if is_incremental() %}
    where channel_username in (select slices.channel_username from ({{ touched_slices() }}) as slices)
    {% endif %}
),

newest_observations as (
    select distinct on (channel_username)
        channel_username,
        channel_id,
        channel_title,
        channel_about
    from observations
    order by channel_username asc, observed_at desc
),

newest_counts as (
    select distinct on (channel_username)
        channel_username,
        subscribers_count
    from observations
    where subscribers_count is not null
    order by channel_username asc, observed_at desc
),

-- The newest post that says it knows a channel's title and id best.
activity as (
    select
        channel_username,
        (
            array_agg(channel_title order by message_timestamp_utc desc, message_id desc)
            filter (where channel_title is not null)
        )[1] as channel_title,
        (
            array_agg(channel_id order by message_timestamp_utc desc, message_id desc)
            filter (where channel_id is not null)
        )[1] as channel_id,
        count(*) as message_count,
        avg(views_count) as average_views,
        min(message_timestamp_utc) as first_post_at,
        max(message_timestamp_utc) as last_post_at
    from posts
    group by channel_username
),

-- A channel that was read and has posted nothing is known all the same.
known as (
    select channel_username from activity
    union distinct
    select channel_username from observations
),

usernames as (
    select
        posts.channel_username,
        posts.message_timestamp_utc,
        posts.message_id,
        ltrim(elements.spelling, '@') as spelling
    from posts
    cross join lateral jsonb_array_elements_text(posts.channel_spellings) as elements (spelling)
    union all
    select
        channel_username,
        observed_at as message_timestamp_utc,
        0 as message_id,
        channel_spelling as spelling
    from observations
    where channel_spelling is not null
),

spellings as (
    select
        channel_username,
        (
            array_agg(spelling order by message_timestamp_utc desc, message_id desc, spelling collate "C" asc)
        )[1] as channel_spelling,
        string_agg(distinct spelling collate "C", ', ' order by spelling collate "C") as channel_aliases
    from usernames
    group by channel_username
),

channels as (
    select
        {{ surrogate_key(['known.channel_username']) }} as channel_pk,
        known.channel_username,
        coalesce(spellings.channel_spelling, known.channel_username) as channel_spelling,
        coalesce(newest_observations.channel_title, activity.channel_title) as channel_title,
        newest_observations.channel_about,
        spellings.channel_aliases,
        coalesce(newest_observations.channel_id, activity.channel_id) as channel_id,
        newest_counts.subscribers_count,
        coalesce(activity.message_count, 0) as message_count,
        coalesce(images.image_count, 0) as image_count,
        activity.average_views::numeric(21, 2) as average_views,
        activity.first_post_at,
        activity.last_post_at
    from known
    left join activity on known.channel_username = activity.channel_username
    left join spellings on known.channel_username = spellings.channel_username
    left join images on known.channel_username = images.channel_username
    left join newest_observations on known.channel_username = newest_observations.channel_username
    left join newest_counts on known.channel_username = newest_counts.channel_username
)

select * from channels
