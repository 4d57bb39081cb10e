{{ config(pre_hook="{{ delete_touched_channels() }}") }}

{%- set kinds = ['sale', 'education', 'training', 'vacancy', 'other'] %}

with

-- A channel's row depends on all of its posts, so every touched channel is added up anew of its days.
days as (
    select * from {{ ref('int_channel_days') }}
    {% if is_incremental() %}
    where channel_username in ({{ touched_channels() }})
    {% endif %}
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
    where channel_username in ({{ touched_channels() }})
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

-- The newest day whose posts say it knows a channel's title and id best.
names as (
    select
        channel_username,
        (
            array_agg(channel_title order by message_date desc)
            filter (where channel_title is not null)
        )[1] as channel_title,
        (
            array_agg(channel_id order by message_date desc)
            filter (where channel_id is not null)
        )[1] as channel_id,
        min(first_post_at) as first_post_at,
        max(last_post_at) as last_post_at
    from days
    group by channel_username
),

activity as (
    select
        channel_username,
        count(*) as active_days,
        sum(message_count)::bigint as message_count,
        sum(new_message_count)::bigint as distinct_message_count,
        {% for kind in kinds %}
        sum({{ kind }}_message_count)::bigint as {{ kind }}_message_count,
        sum(new_{{ kind }}_message_count)::bigint as distinct_{{ kind }}_message_count,
        {% endfor %}
        sum(image_count)::bigint as image_count,
        sum(total_views) / nullif(sum(counted_message_count), 0) as average_views,
        sum(total_forwards) / nullif(sum(counted_message_count), 0) as average_forwards,
        sum(total_replies) / nullif(sum(counted_message_count), 0) as average_replies,
        sum(total_reactions) / nullif(sum(counted_message_count), 0) as average_reactions
    from {{ ref('mart_channel_daily_activity') }}
    {% if is_incremental() %}
    where channel_username in ({{ touched_channels() }})
    {% endif %}
    group by channel_username
),

-- A channel that was read and has posted nothing is known all the same.
known as (
    select channel_username from names
    union distinct
    select channel_username from observations
),

usernames as (
    select
        channel_username,
        message_date as told_on,
        last_post_at as told_at,
        channel_spelling,
        channel_aliases
    from days
    where channel_spelling is not null
    union all
    select
        channel_username,
        (observed_at at time zone 'UTC')::date as told_on,
        observed_at as told_at,
        channel_spelling,
        channel_spelling as channel_aliases
    from observations
    where channel_spelling is not null
),

newest_spellings as (
    select distinct on (channel_username)
        channel_username,
        channel_spelling
    from usernames
    order by channel_username asc, told_on desc, told_at desc, channel_spelling collate "C" asc
),

spellings as (
    select distinct
        usernames.channel_username,
        elements.spelling
    from usernames
    cross join lateral string_to_table(usernames.channel_aliases, ', ') as elements (spelling)
),

aliases as (
    select
        channel_username,
        string_agg(spelling, ', ' order by spelling collate "C") as channel_aliases
    from spellings
    group by channel_username
),

channels as (
    select
        {{ surrogate_key(['known.channel_username']) }} as channel_pk,
        known.channel_username,
        coalesce(newest_spellings.channel_spelling, known.channel_username) as channel_spelling,
        coalesce(newest_observations.channel_title, names.channel_title) as channel_title,
        newest_observations.channel_about,
        aliases.channel_aliases,
        coalesce(newest_observations.channel_id, names.channel_id) as channel_id,
        newest_counts.subscribers_count,
        coalesce(activity.message_count, 0) as message_count,
        coalesce(activity.distinct_message_count, 0) as distinct_message_count,
        {% for kind in kinds %}
        coalesce(activity.{{ kind }}_message_count, 0) as {{ kind }}_message_count,
        coalesce(activity.distinct_{{ kind }}_message_count, 0) as distinct_{{ kind }}_message_count,
        {% endfor %}
        coalesce(activity.image_count, 0) as image_count,
        coalesce(activity.active_days, 0) as active_days,
        activity.average_views::numeric(21, 2) as average_views,
        activity.average_forwards::numeric(21, 2) as average_forwards,
        activity.average_replies::numeric(21, 2) as average_replies,
        activity.average_reactions::numeric(21, 2) as average_reactions,
        (activity.average_views / nullif(newest_counts.subscribers_count, 0))::numeric(21, 4) as views_per_subscriber,
        names.first_post_at,
        names.last_post_at
    from known
    left join names on known.channel_username = names.channel_username
    left join activity on known.channel_username = activity.channel_username
    left join newest_spellings on known.channel_username = newest_spellings.channel_username
    left join aliases on known.channel_username = aliases.channel_username
    left join newest_observations on known.channel_username = newest_observations.channel_username
    left join newest_counts on known.channel_username = newest_counts.channel_username
)

select * from channels
