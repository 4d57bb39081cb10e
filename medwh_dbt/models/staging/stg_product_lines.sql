{{ config(
    pre_hook="{{ delete_touched('message_date', source('raw', 'post_extractions'), 'message_date') }}",
    indexes=[
        {'columns': ['message_pk']},
        {'columns': ['channel_username', 'message_id', 'line_number', 'match_number'], 'unique': true},
        {'columns': ['channel_username', 'message_date']},
    ],
) }}

with

source as (
    select
        channel_username,
        message_id,
        message_date,
        candidates
    from {{ source('raw', 'post_extractions') }}
    where
        candidates <> '[]'
        {% if is_incremental() %}
        and (channel_username, message_date) in ({{ touched_slices() }})
        {% endif %}
),

-- Footers name no product that the post is about; of the rest, lines with a name or a product count.
named_lines as (
    select
        source.channel_username,
        source.message_id,
        source.message_date,
        (elements.element ->> 'line')::integer as line_number,
        elements.element -> 'products' as products,
        elements.element ->> 'name' as line_name,
        elements.element ->> 'text' as line_text
    from source
    cross join lateral jsonb_array_elements(source.candidates) as elements (element)
    where
        elements.element ?| array['products', 'name']
        and not elements.element ? 'footer'
),

-- The left join keeps a line that names no known product, as match number 0.
matches as (
    select
        named_lines.*,
        coalesce(matches.match_number, 0)::integer as match_number,
        matches.found
    from named_lines
    left join lateral jsonb_array_elements(named_lines.products) with ordinality as matches (found, match_number)
        on true
),

renamed as (
    select
        {{ surrogate_key(['channel_username', 'message_id', 'line_number', 'match_number']) }} as product_line_key,
        {{ surrogate_key(['channel_username', 'message_id']) }} as message_pk,
        channel_username,
        message_id,
        line_number,
        match_number,

        found ->> 'product_key' as product_key,
        found ->> 'matched' as matched_text,
        found ->> 'method' as match_method,
        case when match_number = 0 then line_name end as line_name,
        case when match_number = 0 then line_text end as line_text,

        (found ->> 'score')::numeric(5, 4) as match_score,

        message_date
    from matches
)

select * from renamed
