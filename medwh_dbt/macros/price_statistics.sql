{#-
    A percentile of numbers, exact in numeric (PostgreSQL's own percentile_cont computes in double
    precision): between two numbers it lies in proportion, as with percentile_cont.
    `numbers` is an array in ascending order, `fraction` 0.25, 0.5 or 0.75: the result has two decimal
    places more than the numbers.
-#}
{% macro percentile_of_sorted(numbers, fraction) -%}
    (
        {{ numbers }}[1 + floor((cardinality({{ numbers }}) - 1) * {{ fraction }})::integer]
        + (
            {{ numbers }}[1 + ceil((cardinality({{ numbers }}) - 1) * {{ fraction }})::integer]
            - {{ numbers }}[1 + floor((cardinality({{ numbers }}) - 1) * {{ fraction }})::integer]
        ) * ((cardinality({{ numbers }}) - 1) * {{ fraction }} % 1)
    )
{%- endmacro %}


{#- The price columns of a price mart, of two sorted arrays: all priced offers and distinct ones. -#}
{% macro price_columns() -%}
    {{ percentile_of_sorted('prices', '0.5') }}::numeric(16, 4) as median_price,
    {{ percentile_of_sorted('prices', '0.25') }}::numeric(16, 4) as lower_quartile_price,
    {{ percentile_of_sorted('prices', '0.75') }}::numeric(16, 4) as upper_quartile_price,
    ({{ percentile_of_sorted('prices', '0.75') }} - {{ percentile_of_sorted('prices', '0.25') }})::numeric(16, 4)
        as interquartile_range,
    prices[1]::numeric(12, 2) as min_price,
    prices[cardinality(prices)]::numeric(12, 2) as max_price,
    {{ percentile_of_sorted('distinct_prices', '0.5') }}::numeric(16, 4) as distinct_median_price,
    {{ percentile_of_sorted('distinct_prices', '0.25') }}::numeric(16, 4) as distinct_lower_quartile_price,
    {{ percentile_of_sorted('distinct_prices', '0.75') }}::numeric(16, 4) as distinct_upper_quartile_price,
    (
        {{ percentile_of_sorted('distinct_prices', '0.75') }} - {{ percentile_of_sorted('distinct_prices', '0.25') }}
    )::numeric(16, 4) as distinct_interquartile_range
{%- endmacro %}
