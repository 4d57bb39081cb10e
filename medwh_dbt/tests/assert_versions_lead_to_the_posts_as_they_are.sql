{{ config(meta={'dagster': {'ref': {'name': 'fct_message_versions'}}}) }}

-- Versions are counted from 1 without gaps, the last alone is current, and what it says is what the post says.
select
    versions.message_pk,
    versions.version_number
from (
    select
        message_pk,
        version_number,
        is_current,
        message_text,
        row_number() over (partition by message_pk order by version_number) as place,
        count(*) over (partition by message_pk) as version_count
    from {{ ref('fct_message_versions') }}
) as versions
inner join {{ ref('fct_messages') }} as posts on versions.message_pk = posts.message_pk
where
    versions.version_count = 1
    or versions.version_number <> versions.place
    or versions.is_current <> (versions.version_number = versions.version_count)
    or (versions.is_current and versions.message_text <> posts.message_text)
