{{ config(materialized='table') }}

with

-- From post dates alone: a spine up to today would differ from one day to the next.
span as (
    select
        min(message_date) as first_day,
        max(message_date) as last_day
    from {{ ref('stg_telegram_messages') }}
),

days as (
    select generate_series(first_day, last_day, interval '1 day')::date as date_day
    from span
),

calendar as (
    select
        {{ date_key('date_day') }} as date_pk,

        to_char(date_day, 'FMMonth') as month_name,
        to_char(date_day, 'FMDay') as day_name,
        to_char(date_day, 'IYYY-"W"IW') as iso_week_label,

        extract(year from date_day)::integer as year_number,
        extract(quarter from date_day)::integer as quarter_number,
        extract(month from date_day)::integer as month_number,
        extract(isoyear from date_day)::integer as iso_year,
        extract(week from date_day)::integer as iso_week,
        extract(day from date_day)::integer as day_of_month,
        extract(isodow from date_day)::integer as day_of_week,

        extract(isodow from date_day) in (6, 7) as is_weekend,

        date_day,
        date_trunc('month', date_day::timestamp)::date as month_start
    from days
)

select * from calendar
