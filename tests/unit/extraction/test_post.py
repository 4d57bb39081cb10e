import json
from typing import Any

import pytest

from medwh_assets.extracted import ExtractedText
from medwh_assets.extraction.post import Extractor

FOOTER = (
    "☎️ call 0900000011/0900000012\nAddress: Demo Avenue, ground floor\n"
    "For delivery option fees are from 70 birr - 500 birr"
)


def offers(said: ExtractedText) -> list[dict[str, Any]]:
    return json.loads(said.offers)


def priced(said: ExtractedText) -> list[tuple[str | None, str | None]]:
    return [(offer.get("product_key"), offer.get("price")) for offer in offers(said)]


def test_a_footers_fees_are_no_prices(extractor: Extractor) -> None:
    said = extractor.extract(f"Warfarin 5mg\nPrice 90 birr\n{FOOTER}")
    assert priced(said) == [("warfarin", "90.00")]
    assert said.post_kind == "sale"
    assert [one for one in json.loads(said.candidates) if one.get("footer")]


def test_posts_of_one_offer_under_different_footers_share_the_body(extractor: Extractor) -> None:
    one = extractor.extract(f"Warfarin 5mg\nPrice 90 birr\n{FOOTER}")
    other = extractor.extract("WARFARIN 5MG!\n\n**Price** 90 birr\nTelegram @demo_shop")
    assert one.body_hash == other.body_hash
    assert one.text_hash != other.text_hash


def test_a_list_gives_each_product_what_stands_below_it(extractor: Extractor) -> None:
    said = extractor.extract(
        "New arrivals\n💊 Warfarin 5mg\n📦 100\n⏳ Dec-27\n💊 Digoxin\n⏳ Jan-28\n💊 Unheard Of 5mg"
    )
    found = [
        (o.get("product_key"), o.get("quantity"), o.get("expiry"), o["availability"])
        for o in offers(said)
    ]
    assert found == [
        ("warfarin", 100, "2027-12-31", "new_arrival"),
        ("digoxin", None, "2028-01-31", "new_arrival"),
    ]


def test_what_the_vocabulary_misses_is_an_offer_with_its_name(extractor: Extractor) -> None:
    [offer] = offers(extractor.extract("1) Garden gnome, 30 cm - 450 birr"))
    assert "product_key" not in offer
    assert offer["name"].startswith("Garden gnome")
    assert offer["price"] == "450.00"


def test_one_price_for_each_goes_to_all_above_it(extractor: Extractor) -> None:
    said = extractor.extract("Warfarin\nDigoxin\neach 90 birr")
    assert priced(said) == [("warfarin", "90.00"), ("digoxin", "90.00")]


def test_the_same_price_in_both_languages_is_one_offer(extractor: Extractor) -> None:
    said = extractor.extract("Warfarin 5mg\nPrice 90 birr\nዋጋ 90 ብር")
    assert priced(said) == [("warfarin", "90.00")]


def test_an_old_price_stands_beside_the_new_one(extractor: Extractor) -> None:
    [offer] = offers(extractor.extract("Warfarin\nWas 120, now 90 birr"))
    assert (offer["price"], offer["old_price"]) == ("90.00", "120.00")


@pytest.mark.parametrize(
    ("text", "kind", "qualifier"),
    [
        ("Vacancy\nPosition: nurse\n9,000 birr\nApply now", "vacancy", "salary"),
        ("CPD training\n900 birr\nRegister now", "training", "fee"),
    ],
)
def test_amounts_of_vacancies_and_trainings_are_no_prices(
    extractor: Extractor, text: str, kind: str, qualifier: str
) -> None:
    said = extractor.extract(text)
    assert said.post_kind == kind
    found = [price for one in json.loads(said.candidates) for price in one.get("prices", [])]
    assert [price["qualifier"] for price in found] == [qualifier]
    assert offers(said) == []


def test_an_everyday_word_is_a_product_only_where_it_is_offered(extractor: Extractor) -> None:
    assert json.loads(extractor.extract("Honey, I am home").candidates) == []
    assert priced(extractor.extract("HONEY\nPrice 900 birr")) == [("honey", "900.00")]


def test_a_price_alone_under_a_line_about_delivery_is_its_fee(extractor: Extractor) -> None:
    said = extractor.extract("Warfarin 90 birr\nDelivery:\n70 birr - 500 birr")
    assert priced(said) == [("warfarin", "90.00")]


def test_sellers_are_keyed_and_no_number_is_left(extractor: Extractor) -> None:
    said = extractor.extract("Warfarin 0900000011\n+251 900 000 012, 0900000011")
    assert len(said.vendor_keys) == 2
    assert all(len(key) == 32 for key in said.vendor_keys)
    assert b"0900000011" not in said.candidates + said.offers
    assert extractor.extract("call 0900 000 012").vendor_keys == said.vendor_keys[1:]


def test_the_language_is_told_without_the_footer(extractor: Extractor) -> None:
    assert extractor.extract("Warfarin\nአድራሻ ቦሌ ፊት ለፊት ሕንፃ").language == "en"
    assert extractor.extract("ዋርፋሪን ዋጋ 90 ብር").language == "am"
    assert extractor.extract("Warfarin tablet ዋጋው ዘጠና ብር").language == "mixed"
    assert extractor.extract("https://t.me/demo_shop").language == "none"


@pytest.mark.parametrize("text", [None, "", " \n\n", "🌼🌼🌼"])
def test_a_post_without_words_says_nothing(extractor: Extractor, text: str | None) -> None:
    said = extractor.extract(text)
    assert (said.text_hash, said.body_hash, said.language) == (None, None, "none")
    assert (said.candidates, said.offers, said.line_numbers) == (b"[]", b"[]", ())


def test_what_is_not_looked_at_is_counted(extractor: Extractor) -> None:
    assert json.loads(extractor.extract("a" * 40_000).features)["clipped"] > 0
    assert json.loads(extractor.extract("a").features)["clipped"] == 0


def test_lines_are_told_by_their_numbers_in_the_text(extractor: Extractor) -> None:
    said = extractor.extract("\n\nWarfarin\n\n90 birr")
    assert said.line_numbers == (3, 5)
    [offer] = offers(said)
    assert (offer["line"], offer["price_line"]) == (3, 5)
