{{ config(meta={'dagster': {'ref': {'name': 'fct_offers'}}}) }}

-- An offer whose price the text of its post does not show is returned. Separators between digits are
-- taken out of the text (`4,500`, `4 500`); where it says thousand or million, the digits before the
-- zeros have to be there (`4.5k`).
with

prices as (
    select
        offers.offer_key,
        trunc(offers.price)::text as digits,
        regexp_replace(normalize(posts.message_text, nfkc), '(?<=\d)[ ,.](?=\d)', '', 'g') as shown -- noqa: RF02
    from {{ ref('fct_offers') }} as offers
    inner join {{ ref('fct_messages') }} as posts on offers.message_pk = posts.message_pk
    where offers.price is not null
)

select
    offer_key,
    digits
from prices
where
    shown is null
    or (
        strpos(shown, digits) = 0
        and not (
            shown ~* 'k\M|thousand|million|ሺ|ሚሊ'
            and strpos(shown, rtrim(digits, '0')) > 0
        )
    )
