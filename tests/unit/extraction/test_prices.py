from decimal import Decimal

import pytest

from medwh_assets.extraction.lexicon import look_up
from medwh_assets.extraction.normal import fold, spell, words
from medwh_assets.extraction.prices import Price, find_prices, money


def read(line: str, *, describes: bool = False) -> list[Price]:
    spelt = spell(fold(line))
    padded = f" {' '.join(word.group() for word in words(spelt))} "
    return find_prices(spelt, look_up(padded, spelt), describes=describes)


def amounts(line: str, *, describes: bool = False) -> list[tuple[str, str | None]]:
    return [(str(price.amount), price.qualifier) for price in read(line, describes=describes)]


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        ("Price 3200 birr", "3200"),
        ("price : 3,200.50 ETB", "3200.50"),
        ("3 200 br", "3200"),
        ("Br. 75", "75"),
        ("💰 75", "75"),
        ("PRICE 3.200", "3200"),
        ("Price 12,50 birr", "12.50"),
        ("ዋጋው 3,200 ብር", "3200"),
        ("በ3200 ብር ብቻ", "3200"),
        ("2 ሺህ ብር", "2000"),
        ("99/=", "99"),
        ("𝟗𝟗 birr", "99"),
    ],
)
def test_a_price_is_read_however_it_is_written(line: str, amount: str) -> None:
    assert amounts(line) == [(amount, None)]


@pytest.mark.parametrize(
    ("line", "qualifier"),
    [
        ("Delivery 80 birr", "delivery_fee"),
        ("transport from 60 birr - 300 birr", "delivery_fee"),
        ("Salary: 11,000 birr", "salary"),
        ("Course fee 900 birr", "fee"),
        ("get 100 birr off", "discount"),
        ("was 900 birr", "old_price"),
        ("orders above 900 birr", "threshold"),
        ("win 900 birr", "other"),
    ],
)
def test_an_amount_that_is_no_price_says_what_it_is(line: str, qualifier: str) -> None:
    assert {found for _, found in amounts(line)} == {qualifier}


@pytest.mark.parametrize(
    "line",
    ["500mg 10x10", "SPF 50", "since 2015", "call 9798 for price", "room 204", "12/2027", "0 birr",
     "price on request", "1000012345678 CBE", "size 42"],
)  # fmt: skip
def test_a_number_that_is_no_money_is_none(line: str) -> None:
    assert amounts(line) == []


def test_one_line_may_hold_a_price_and_a_fee() -> None:
    assert amounts("Price 900 birr, delivery 60 birr") == [("900", None), ("60", "delivery_fee")]


def test_free_delivery_leaves_the_price_a_price() -> None:
    assert amounts("Price 900 birr with free delivery") == [("900", None)]


def test_a_range_is_one_price_with_two_ends() -> None:
    [price] = read("Price 400 - 600 birr")
    assert (price.amount, price.high) == (Decimal(400), Decimal(600))


def test_a_bare_sign_is_a_price_only_where_a_product_is_described() -> None:
    assert amounts("x = 650", describes=True) == [("650", None)]
    assert amounts("x = 650") == []


def test_a_number_of_a_name_is_no_thousand() -> None:
    assert amounts("omega 3 950 birr") == [("950", None)]


def test_dollars_are_told_from_birr() -> None:
    assert [(price.currency, price.stated) for price in read("$20 or price 900")] == [
        ("USD", True),
        ("ETB", False),
    ]


def test_the_unit_of_a_price_is_kept() -> None:
    assert [price.unit for price in read("430 birr per box")] == ["box"]


def test_money_is_written_with_two_places() -> None:
    assert money(Decimal("4500")) == "4500.00"
