{{ config(
    pre_hook="{{ delete_touched_channel_months() }}",
    indexes=[
        {'columns': ['product_pk', 'month_start']},
        {'columns': ['channel_username', 'month_start']},
    ],
) }}

with

-- A price for one piece of a pack would stand beside prices of packs, and dollars beside birr.
offers as (
    select
        product_pk,
        channel_pk,
        product_key,
        channel_username,
        message_pk,
        vendor_pk,
        distinct_offer_key,
        price,
        date_trunc('month', message_date::timestamp)::date as month_start
    from {{ ref('fct_offers') }}
    where
        product_pk is not null
        and price is not null
        and currency = 'ETB'
        and price_unit is null
        {% if is_incremental() %}
        and (channel_username, date_trunc('month', message_date::timestamp)::date)
        in ({{ touched_channel_months() }})
        {% endif %}
),

numbered as (
    select
        *,
        row_number() over (
            partition by
                product_pk,
                channel_pk,
                month_start,
                distinct_offer_key
        ) = 1 as is_first_of_its_kind
    from offers
),

months as (
    select
        product_pk,
        channel_pk,
        product_key,
        channel_username,
        month_start,
        count(distinct message_pk) as message_count,
        count(*) as offer_count,
        count(*) filter (where is_first_of_its_kind) as distinct_offer_count,
        count(distinct vendor_pk) as vendor_count,
        array_agg(price order by price) as prices,
        array_agg(price order by price) filter (where is_first_of_its_kind) as distinct_prices
    from numbered
    group by
        product_pk,
        channel_pk,
        product_key,
        channel_username,
        month_start
),

price_history as (
    select
        md5(product_pk || '|' || channel_pk || '|' || to_char(month_start, 'YYYY-MM-DD')) as price_history_key,
        product_pk,
        channel_pk,
        product_key,
        channel_username,

        message_count,
        offer_count,
        distinct_offer_count,
        vendor_count,
        {{ price_columns() }},

        month_start
    from months
)

select * from price_history
