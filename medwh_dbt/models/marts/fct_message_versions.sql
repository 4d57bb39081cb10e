{{ config(
    pre_hook=[
        "{{ delete_touched('message_date', ref('stg_telegram_messages'), 'message_date', key='message_pk') }}",
        "{{ note_touched_rows(ref('stg_message_versions'), 'message_date') }}",
    ],
    indexes=[
        {'columns': ['message_pk', 'version_number']},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

-- Not narrowed to touched slices as well: few versions find their posts by the key.
posts as (
    select
        message_pk,
        message_date,
        message_timestamp_utc
    from {{ ref('stg_telegram_messages') }}
),

contents as (
    select * from {% if is_incremental() %} touched_rows {% else %} {{ ref('stg_message_versions') }} {% endif %}
),

versions as (
    select
        contents.message_version_key,
        posts.message_pk,
        {{ surrogate_key(['contents.channel_username']) }} as channel_pk,
        {{ date_key('contents.message_date') }} as date_pk,
        contents.channel_username,
        contents.message_id,
        contents.version_number,

        contents.message_text,
        contents.media_type,

        contents.is_current,

        contents.message_date,
        posts.message_timestamp_utc,
        contents.edit_date,
        contents.first_observed_at,
        contents.last_observed_at
    from contents
    inner join posts
        on
            contents.message_pk = posts.message_pk
            and contents.message_date = posts.message_date
)

select * from versions
