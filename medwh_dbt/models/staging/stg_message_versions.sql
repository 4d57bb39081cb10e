-- Not stored: one model reads it, once a build.
{{ config(materialized='view') }}

with

source as (
    select
        channel_username,
        message_id,
        message_date,
        versions_masked,
        message_data -> 'versions' as versions
    from {{ source('raw', 'telegram_messages') }}
    where versions_masked is not null
),

elements as (
    select
        source.channel_username,
        source.message_id,
        source.message_date,
        source.versions_masked,
        elements.version,
        elements.place::integer as version_number
    from source
    cross join lateral jsonb_array_elements(source.versions) with ordinality as elements (version, place)
),

renamed as (
    select
        {{ surrogate_key(['channel_username', 'message_id', 'version_number']) }} as message_version_key,
        {{ surrogate_key(['channel_username', 'message_id']) }} as message_pk,
        channel_username,
        message_id,
        version_number,

        nullif(versions_masked[version_number], '') as message_text,
        version -> 'media' ->> 'kind' as media_type,

        version_number = cardinality(versions_masked) as is_current,

        message_date,
        (version ->> 'edit_date')::timestamptz as edit_date,
        (version ->> 'first_observed_at')::timestamptz as first_observed_at,
        (version ->> 'last_observed_at')::timestamptz as last_observed_at
    from elements
)

select * from renamed
