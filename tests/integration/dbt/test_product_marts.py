"""Offers, mentions, vendors and prices: true after every load, in whatever order loads come."""

import random
from collections.abc import Mapping
from decimal import Decimal

import pytest

from medwh_assets.slices import Slice
from medwh_assets.warehouse.builds import finish_build, open_build
from medwh_assets.warehouse.connection import Connection
from medwh_assets.warehouse.load import remove_slices
from tests.integration.dbt.dbt_command import BuildFailed, DbtCommand
from tests.integration.dbt.slices_of_posts import load, march, post
from tests.marts_identity import marts_identity

CHANNEL = "demo_shop"
_FOOTER = "☎️ call 0900000011 / 0900000012\nFor delivery option fees are from 70 birr - 500 birr"
_LIST = "New arrival\n💊 Amoxicillin 500mg 10x10 = {price}\n💊 Diclofenic tab 50mg 10x10 = 80"


def test_an_offer_is_read_down_to_its_price_vendor_and_month(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    text = _LIST.format(price=650)
    tell(
        warehouse,
        CHANNEL,
        1,
        {1: f"{text}\n{_FOOTER}", 2: f"GREEK POT\nPrice 900\n{_FOOTER}"},
    )
    tell(warehouse, CHANNEL, 2, {3: f"{text}\nCall 0900000031"})
    tell(
        warehouse,
        CHANNEL,
        3,
        {4: f"{_LIST.format(price=700)}\n{_FOOTER}", 5: "Good morning"},
    )
    build(warehouse, dbt)
    offers = warehouse.execute(
        "select message_id, product_key, price, dosage_form, offered_as from marts.fct_offers"
        " where channel_username = %s order by message_id, offer_number",
        (CHANNEL,),
    ).fetchall()
    assert [offer[:3] for offer in offers] == [
        (1, "amoxicillin", Decimal(650)), (1, "diclofenac", Decimal(80)), (2, None, Decimal(900)),
        (3, "amoxicillin", Decimal(650)), (3, "diclofenac", Decimal(80)),
        (4, "amoxicillin", Decimal(700)), (4, "diclofenac", Decimal(80)),
    ]  # fmt: skip
    assert warehouse.execute(
        "select message_count, offer_count, distinct_offer_count, median_price,"
        " distinct_median_price, vendor_count from marts.mart_price_history"
        " where channel_username = %s and product_key = 'amoxicillin'",
        (CHANNEL,),
    ).fetchall() == [(3, 3, 2, Decimal(650), Decimal(675), 2)]
    assert warehouse.execute(
        "select message_count, offer_count, distinct_offer_count, channel_usernames"
        " from marts.dim_vendors order by offer_count desc, vendor_pk"
    ).fetchall() == [(3, 5, 4, CHANNEL), (1, 2, 2, CHANNEL), (3, 0, 0, CHANNEL)]
    assert warehouse.execute(
        "select term, message_count, priced_offer_count, example_line from marts.mart_unmatched_terms"
    ).fetchall() == [("greek pot", 1, 1, "GREEK POT")]
    found = warehouse.execute(
        "select message_count, distinct_message_count, offer_count, distinct_offer_count"
        " from marts.dim_products where product_key = 'diclofenac'"
    ).fetchone()
    assert found == (3, 2, 3, 1)


def test_a_line_that_becomes_boilerplate_offers_nothing_any_more_and_may_again(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    """What one post offers depends on what the others of its channel say."""
    standing = "Zinc tablets 20mg always here = 150"
    names = ["Amoxicillin", "Omeprazole", "Losartan", "Metformin", "Ibuprofen", "Cetirizine"]
    texts = {
        number: f"{name} {100 * number}mg cap = {50 * number}\n{standing}"
        for number, name in enumerate(names, start=1)
    }
    tell(warehouse, CHANNEL, 1, {1: texts[1]})
    build(warehouse, dbt)
    assert offered(warehouse, "zinc") == [1]
    for day, number in enumerate(range(2, 7), start=2):
        tell(warehouse, CHANNEL, day, {number: texts[number]})
    build(warehouse, dbt)
    assert_equals_a_full_refresh(warehouse, dbt)
    assert offered(warehouse, "zinc") == []
    remove_slices(warehouse, [Slice(CHANNEL, march(day)) for day in range(2, 7)])
    build(warehouse, dbt)
    assert_equals_a_full_refresh(warehouse, dbt)
    assert offered(warehouse, "zinc") == [1]


def test_a_phone_number_in_any_text_of_a_mart_fails_its_test(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    tell(warehouse, CHANNEL, 1, {1: f"Losartan 50mg\nPrice 253 birr\n{_FOOTER}"})
    build(warehouse, dbt)
    dbt.test("no_phone_numbers_fct_offers_")
    for column in ("line_text", "offered_as", "pack"):
        for number in ("call 0911 562031", "+251911562031", "(0911-56-20-31)"):
            warehouse.execute(f"update marts.fct_offers set {column} = %s", (number,))
            with pytest.raises(BuildFailed, match="no_phone_numbers"):
                dbt.test("no_phone_numbers_fct_offers_")
        warehouse.execute(f"update marts.fct_offers set {column} = 'a box of 10x10'")
    dbt.test("no_phone_numbers_fct_offers_")


def test_prices_of_two_months_equal_a_full_refresh_after_each_of_many_random_loads(
    warehouse: Connection, dbt: DbtCommand
) -> None:
    chance = random.Random(2)
    for _ in range(3):
        for _ in range(chance.randint(1, 5)):
            channel, day = (
                chance.choice(["demo_a", "demo_b", "demo_c"]),
                chance.choice([1, 2, 31, 32, 33]),
            )
            texts = {
                # An id in two days is a post whose date has become known better.
                chance.randint(1, 12): invented(chance)
                for _ in range(chance.choice([0, 1, 2, 5]))
            }
            tell(warehouse, channel, day, texts)
        build(warehouse, dbt)
        assert_equals_a_full_refresh(warehouse, dbt)


def invented(chance: random.Random) -> str:
    """Return a post's text, with few enough variants that reposts and boilerplate come about."""
    offers = [
        _LIST.format(price=chance.choice([600, 650])),
        "Losartan 50mg 3x10\nPrice 253 birr",
        "GREEK POT\nPrice 4300 birr",
        "✅ ዚንክ ታብሌት ዋጋ 90 ብር\n✅ ORS sachet 15 birr\n✅ Something else 20 birr",
        "Vacancy: druggist, salary 9000 birr. Amoxicillin knowledge is a plus",
        "",
    ]
    footers = [_FOOTER, "Call 0900000031", ""]
    return f"{chance.choice(offers)}\n{chance.choice(footers)}".strip()


def tell(connection: Connection, channel: str, day: int, texts: Mapping[int, str]) -> None:
    """Load a slice's posts by their ids and texts."""
    load(connection, channel, day, *(post(channel, one, day, text=texts[one]) for one in texts))


def build(connection: Connection, dbt: DbtCommand) -> None:
    build_id = open_build(connection, False, "models").build_id
    dbt.run(build_id)
    finish_build(connection, build_id, ok=True)


def assert_equals_a_full_refresh(connection: Connection, dbt: DbtCommand) -> None:
    identity = marts_identity(connection)
    dbt.rebuild()
    rebuilt = marts_identity(connection)
    assert {name for name in rebuilt if rebuilt[name] != identity[name]} == set()


def offered(connection: Connection, product_key: str) -> list[int]:
    """Return the posts that offer a product."""
    rows = connection.execute(
        "select message_id from marts.fct_offers where product_key = %s and channel_username = %s"
        " order by message_id",
        (product_key, CHANNEL),
    )
    return [message_id for (message_id,) in rows]
