{{ config(
    pre_hook="{{ delete_touched_activity() }}",
    indexes=[{'columns': ['channel_username', 'activity_date'], 'unique': true}],
) }}

{%- set kinds = ['sale', 'education', 'training', 'vacancy', 'other'] %}

with

posts as (
    select * from {{ ref('fct_messages') }}
    {% if is_incremental() %}
    where (channel_username, message_date) in ({{ touched_days() }})
    {% endif %}
),

detections as (
    select
        channel_username,
        message_date,
        count(*) as detection_count
    from {{ ref('fct_image_detections') }}
    {% if is_incremental() %}
    where (channel_username, message_date) in ({{ touched_days() }})
    {% endif %}
    group by channel_username, message_date
),

days as (
    select
        channel_username,
        message_date,

        count(*) as message_count,
        count(distinct distinct_message_key) as distinct_message_count,
        count(*) filter (where not is_repost) as new_message_count,
        {% for kind in kinds %}
        count(*) filter (where post_kind = '{{ kind }}') as {{ kind }}_message_count,
        count(distinct distinct_message_key) filter (where post_kind = '{{ kind }}')
            as distinct_{{ kind }}_message_count,
        count(*) filter (where post_kind = '{{ kind }}' and not is_repost) as new_{{ kind }}_message_count,
        {% endfor %}
        count(*) filter (where has_image) as image_count,
        count(distinct image_sha256) as distinct_image_count,
        count(*) filter (where has_media) as messages_with_media,
        count(*) filter (where has_counters) as counted_message_count,

        sum(views_count)::numeric(38, 0) as total_views,
        sum(forwards_count)::numeric(38, 0) as total_forwards,
        sum(replies_count)::numeric(38, 0) as total_replies,
        sum(reactions_count)::numeric(38, 0) as total_reactions
    from posts
    group by channel_username, message_date
),

activity as (
    select
        {{ surrogate_key(['days.channel_username', day_text('days.message_date')]) }} as channel_day_key,
        {{ surrogate_key(['days.channel_username']) }} as channel_pk,
        {{ date_key('days.message_date') }} as date_pk,
        days.channel_username,

        days.message_count,
        days.distinct_message_count,
        days.new_message_count,
        {% for kind in kinds %}
        days.{{ kind }}_message_count,
        days.distinct_{{ kind }}_message_count,
        days.new_{{ kind }}_message_count,
        {% endfor %}
        days.image_count,
        days.distinct_image_count,
        coalesce(detections.detection_count, 0) as detection_count,
        days.messages_with_media,
        days.counted_message_count,

        days.total_views,
        days.total_forwards,
        days.total_replies,
        days.total_reactions,

        days.message_date as activity_date
    from days
    left join detections
        on
            days.channel_username = detections.channel_username
            and days.message_date = detections.message_date
)

select * from activity
