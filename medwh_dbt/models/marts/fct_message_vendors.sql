{{ config(
    pre_hook="{{ delete_touched_posts('message_date') }}",
    indexes=[
        {'columns': ['vendor_pk', 'message_timestamp_utc', 'message_pk']},
        {'columns': ['channel_username', 'message_date']},
        {'columns': ['message_pk']},
    ],
) }}

with

vendors as (
    select * from {{ ref('stg_message_vendors') }}
    {% if is_incremental() %}
    where message_pk in ({{ touched_posts() }})
    {% endif %}
),

posts as (
    select
        message_pk,
        channel_pk,
        date_pk,
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
        vendors.message_vendor_key,
        vendors.message_pk,
        posts.channel_pk,
        posts.date_pk,
        vendors.vendor_key as vendor_pk,
        vendors.channel_username,
        vendors.message_id,
        vendors.vendor_number,
        posts.is_repost,
        posts.message_date,
        posts.message_timestamp_utc
    from vendors
    inner join posts
        on
            vendors.message_pk = posts.message_pk
            and vendors.message_date = posts.message_date
)

select * from message_vendors
