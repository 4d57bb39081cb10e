{{ config(materialized='table') }}

with

-- From post dates alone: a spine up to today would differ from one day to the next.
span as (
    select
        min(message_date) as first_day,
        max(message_date) as last_day
    from {{ ref('int_channel_days') }}
),

days as (
    select generate_series(first_day, last_day, interval '1 day')::date as date_day
    from span
),

-- The Ethiopian calendar has twelve months of 30 days and one of five, or six every fourth year; its
-- year 0 begins on the Julian day 1,723,856, and of each 1,461 days the last one is the leap day.
ethiopian_days as (
    select
        date_day,
        (to_char(date_day, 'J')::integer - 1723856) / 1461 as cycles,
        (to_char(date_day, 'J')::integer - 1723856) % 1461 as day_of_cycle
    from days
),

ethiopian_years as (
    select
        date_day,
        4 * cycles + day_of_cycle / 365 - day_of_cycle / 1460 as ethiopian_year,
        day_of_cycle % 365 + 365 * (day_of_cycle / 1460) as day_of_year
    from ethiopian_days
),

ethiopian_dates as (
    select
        date_day,
        ethiopian_year,
        day_of_year / 30 + 1 as ethiopian_month,
        day_of_year % 30 + 1 as ethiopian_day
    from ethiopian_years
),

calendar as (
    select
        {{ date_key('date_day') }} as date_pk,

        to_char(date_day, 'FMMonth') as month_name,
        to_char(date_day, 'FMDay') as day_name,
        to_char(date_day, 'IYYY-"W"IW') as iso_week_label,
        format(
            '%s-%s-%s', ethiopian_year, lpad(ethiopian_month::text, 2, '0'), lpad(ethiopian_day::text, 2, '0')
        ) as ethiopian_date,
        format(
            '%s %s %s',
            ethiopian_day,
            (array[
                'Meskerem', 'Tikimt', 'Hidar', 'Tahsas', 'Tir', 'Yekatit', 'Megabit',
                'Miyazya', 'Ginbot', 'Sene', 'Hamle', 'Nehase', 'Pagume'
            ])[ethiopian_month],
            ethiopian_year
        ) as ethiopian_date_label,

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
    from ethiopian_dates
)

select * from calendar
