{{ config(
    pre_hook="{{ delete_touched('message_date', source('raw', 'post_extractions'), 'message_date') }}",
    indexes=[
        {'columns': ['message_pk']},
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
        (lines.line ->> 'line')::integer as line_number,
        lines.line -> 'products' as products,
        lines.line ->> 'name' as line_name,
        lines.line ->> 'text' as line_text
    from source
    cross join lateral jsonb_array_elements(source.candidates) as lines (line)
    where
        lines.line ?| array['products', 'name']
        and not lines.line ? 'footer'
),

-- The left join keeps a line that names no known product, as match number 0.
matches as (
    select
        named_lines.*,
        coalesce(matches.match_number, 0)::integer as match_number,
        matches.match
    from named_lines
    left join lateral jsonb_array_elements(named_lines.products) with ordinality as matches (match, match_number)
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

        match ->> 'product_key' as product_key,
        match ->> 'matched' as matched_text,
        match ->> 'method' as match_method,
        case when match_number = 0 then line_name end as line_name,
        case when match_number = 0 then line_text end as line_text,

        (match ->> 'score')::numeric(5, 4) as match_score,

        message_date
    from matches
)

select * from renamed
