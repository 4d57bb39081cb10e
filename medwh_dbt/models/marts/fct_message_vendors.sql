{{ config(
    pre_hook="{{ delete_touched_posts('message_date') }}",
    indexes=[
        {'columns': ['vendor_pk', 'message_timestamp_utc', 'message_pk']},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['message_pk']},
    ],
) }}

with

extractions as (
    select
        message_pk,
        message_date,
        vendor_keys
    from {{ ref('stg_post_extractions') }}
    where
        vendor_keys <> '{}'
        {% if is_incremental() %}
        and message_pk in ({{ touched_posts() }})
        {% endif %}
),

posts as (
    select
        message_pk,
        channel_pk,
        date_pk,
        channel_username,
        message_id,
        is_repost,
        message_date,
        message_timestamp_utc
    from {{ ref('fct_messages') }}
    {% if is_incremental() %}
    where message_pk in ({{ touched_posts() }})
    {% endif %}
),

message_vendors as (
    select
        md5(posts.message_pk || '|' || elements.vendor_pk) as message_vendor_key,
        posts.message_pk,
        posts.channel_pk,
        posts.date_pk,
        elements.vendor_pk,
        posts.channel_username,
        posts.message_id,
        elements.vendor_number::integer as vendor_number,
        posts.is_repost,
        posts.message_date,
        posts.message_timestamp_utc
    from extractions
    inner join posts
        on
            extractions.message_pk = posts.message_pk
            and extractions.message_date = posts.message_date
    cross join lateral unnest(extractions.vendor_keys) with ordinality as elements (vendor_pk, vendor_number)
)

select * from message_vendors
