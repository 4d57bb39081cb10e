{{ config(
    pre_hook="{{ delete_touched_days('observed_date') }}",
    indexes=[{'columns': ['channel_username', 'observed_at'], 'unique': true}],
) }}

with

source as (
    select * from {{ source('raw', 'channel_facts') }}
    {% if is_incremental() %}
    where (channel_username, observed_date) in ({{ touched_slices() }})
    {% endif %}
),

renamed as (
    select
        {{ surrogate_key(['channel_username', moment_text('observed_at')]) }} as channel_observation_key,
        channel_username,
        (facts_data ->> 'channel_id')::bigint as channel_id,

        nullif(facts_data ->> 'username', '') as channel_spelling,
        nullif(title_masked, '') as channel_title,
        nullif(about_masked, '') as channel_about,

        (facts_data ->> 'subscribers')::bigint as subscribers_count,

        observed_date,
        observed_at
    from source
)

select * from renamed
