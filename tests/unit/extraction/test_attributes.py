from datetime import date

import pytest

from medwh_assets.extraction.attributes import Attributes, read_attributes
from medwh_assets.extraction.lexicon import look_up
from medwh_assets.extraction.normal import fold, spell, words


def read(line: str) -> Attributes:
    spelt = spell(fold(line))
    padded = f" {' '.join(word.group() for word in words(spelt))} "
    return read_attributes(spelt, look_up(padded, spelt))


@pytest.mark.parametrize(
    ("line", "strength", "size", "form", "pack", "count"),
    [
        ("warfarin 5mg tab 10*10", "5 mg", None, "tablet", "10x10", 100),
        ("warfarin 125mg /5ml susp 60ml", "125 mg/5 ml", "60 ml", "suspension", None, None),
        ("cream 1% 20gm", "1 %", "20 g", "cream", None, None),
        ("1gm inj of 50", "1 g", None, "injection", "of 50", 50),
        ("drops 1000 I.U", "1000 iu", None, "drops", None, None),
        ("90 soft gels", None, None, "softgel", "90 soft gels", 90),
        ("milk 1.8KG", None, "1.8 kg", None, None, None),
        ("500 ሚ.ግ እንክብል", "500 mg", None, "tablet", None, None),
        ("eye drop 10ml", None, "10 ml", "eye_drops", None, None),
        ("syrup of 60ml", None, "60 ml", "syrup", None, None),
        ("paper 110x20m", None, None, None, None, None),
    ],
)
def test_strength_size_form_and_pack(
    line: str, strength: str | None, size: str | None, form: str | None, pack: str | None,
    count: int | None,
) -> None:  # fmt: skip
    read_as = read(line)
    assert (read_as.strength, read_as.size, read_as.form) == (strength, size, form)
    assert (read_as.pack, read_as.pack_count) == (pack, count)


@pytest.mark.parametrize(
    ("line", "day", "precision"),
    [
        ("Exp: 02/2028", date(2028, 2, 29), "month"),
        ("⏳ Dec-27", date(2027, 12, 31), "month"),
        ("📅 11, 2027", date(2027, 11, 30), "month"),
        ("expiry date 15.03.2027", date(2027, 3, 15), "day"),
        ("EXP 2027-03", date(2027, 3, 31), "month"),
        ("⏰02/27", date(2027, 2, 28), "month"),
        ("All Exp. date: 2028", date(2028, 12, 31), "year"),
    ],
)
def test_an_expiry_is_its_last_day(line: str, day: date, precision: str) -> None:
    expiry = read(line).expiry
    assert expiry is not None
    assert (expiry.day, expiry.precision) == (day, precision)


@pytest.mark.parametrize("line", ["Exp 13/2027", "exp 31.02.2027", "Exp 2/1999", "02/27", "expert"])
def test_what_is_no_date_is_no_expiry(line: str) -> None:
    assert read(line).expiry is None


@pytest.mark.parametrize(
    ("line", "availability"),
    [
        ("sold out", "out_of_stock"),
        ("Not available", "out_of_stock"),
        ("አልቋል", "out_of_stock"),
        ("coming soon", "coming_soon"),
        ("⛔ few left", "limited"),
        ("only 3 left", "limited"),
        ("🆕", "new_arrival"),
        ("New-Arrivals", "new_arrival"),
        ("ገብቷል", "new_arrival"),
        ("available now", "available"),
        ("nothing of it", None),
    ],
)
def test_what_is_said_of_the_stock(line: str, availability: str | None) -> None:
    assert read(line).availability == availability


def test_a_box_sign_counts_what_is_for_sale() -> None:
    assert read("📦 1,200 tubes").quantity == 1200
