import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.phones import MASK, count_and_mask_phones, mask_phones


@pytest.mark.parametrize(
    "spelling",
    [
        "0900000012",
        "0900 00 00 12",
        "0900-00-00-12",
        "09-00-00-00-12",
        "0900.000.012",
        "0 900 000 012",
        "0700000012",
        "+251900000012",
        "+251 90 000 0012",
        "+251-900-000-012",
        "+251 (0)900 000012",
        "+2510900000012",
        "(+251) 900 000 012",
        "251900000012",
        "00251900000012",
        "900000012",
        "0115500012",
        "(011) 550-0012",
        "011-5-50-00-12",
        "+251 11 550 0012",
        "0462200012",
        "0900\u200b000\u200b012",
        "0900\u00a0000\u00a0012",
        "0900\u2013000\u2013012",
        "\uff10\uff19\uff10\uff10\uff10\uff10\uff10\uff10\uff11\uff12",
        "0\ufe0f\u20e39\ufe0f\u20e30\ufe0f\u20e30\ufe0f\u20e30\ufe0f\u20e3"
        "0\ufe0f\u20e30\ufe0f\u20e30\ufe0f\u20e31\ufe0f\u20e32\ufe0f\u20e3",
    ],
)
@pytest.mark.parametrize("around", ["{}", "call {}, please", "ስልክ፡ {} ይደውሉ", "ይደውሉ{}ለማዘዝ", "{}."])
def test_a_phone_number_is_masked_however_it_is_spelt(spelling: str, around: str) -> None:
    assert mask_phones(around.format(spelling)) == around.format(MASK)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("☎️ 0900000011/0900000012", "☎️ [phone]/[phone]"),
        ("0900000011/900000012", "[phone]/[phone]"),
        ("0900000011,0900000012", "[phone],[phone]"),
        ("0900 00 00 11 0900 00 00 12", "[phone] [phone]"),
        ("0900000011 - 0900000012", "[phone] - [phone]"),
        ("0900000011\n0900000012", "[phone]\n[phone]"),
        ("0900000011 / 900 00 00 12", "[phone] / [phone]"),
        ("+251900000011 0900000012", "[phone] [phone]"),
        ("+971 50 123 4567 0900 000 012", "[phone] [phone]"),
        ("(0900000011)", "([phone])"),
        ("Tel: 900 00 00 12", "Tel: [phone]"),
        ("☎️ 900 000012 or 900 000011", "☎️ [phone] or [phone]"),
        ("https://wa.me/251900000012", "https://wa.me/[phone]"),
        ("t.me/+251900000012", "t.me/[phone]"),
        ("viber: 00971501234567", "viber: [phone]"),
        ("+25190000001 (a digit is missing)", "[phone] (a digit is missing)"),
        ("2025 0900000012", "2025 [phone]"),
    ],
)
def test_numbers_that_stand_together_are_all_masked(text: str, masked: str) -> None:
    assert mask_phones(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "Price 4500 birr",
        "ዋጋ 12,000 ብር",
        "from 70 birr - 500 birr",
        "900000000 birr",
        "Price: 900000000",
        "700 800 900 birr",
        "1,000,000,000 ETB",
        "07-12-2025 08:30",
        "07.12.2025 0900",
        "2025-07-12 09:00:00",
        "12/07/2025",
        "EXP 09/2026",
        "8am until 2:00, 09:00-17:30",
        "Amoxicillin 500mg 10x10",
        "70 80 90 100 mg",
        "0.9 0.7 0.5 0.3 0.1",
        "2.5 5 7.5 10 mg",
        "Reg no 2025071212",
        "LOT 712345678",
        "Batch no. 900000012",
        "order #900000012",
        "6009880123456",
        "6 009880 123456",
        "0012345678905",
        "6021360977683007485",
        "https://t.me/demo_channel/900000012",
        "https://example.org/?id=900000012",
        "https://t.me/c/1666492664/18535",
        "+1000000000",
        "hotline 8080",
        "1,900000012",
        "900000012.50",
        "",
    ],
)
def test_prices_dates_doses_and_ids_stay(text: str) -> None:
    assert mask_phones(text) == text


def test_the_masked_numbers_are_counted() -> None:
    text = "Paracetamol 500mg, 120 birr\n0900000011/0900000012\n+251900000011"
    assert count_and_mask_phones(text)[1] == 3
    assert count_and_mask_phones("Paracetamol 500mg, 120 birr")[1] == 0


@given(st.text(alphabet="0123456789 +-()./\n፡ሰabx,:\u200b\u20e3", max_size=60))
def test_masking_ends_and_leaves_all_but_numbers(text: str) -> None:
    masked, count = count_and_mask_phones(text)
    assert masked.count(MASK) == count
    letters = str.maketrans("", "", "0123456789 +-().\u200b\u20e3")
    assert masked.replace(MASK, "").translate(letters) == text.translate(letters)


@given(st.integers(0, 99_999_999), st.sampled_from(["", " ", "-", "."]))
def test_every_mobile_number_is_masked(number: int, between: str) -> None:
    digits = f"09{number:08d}"
    spelling = between.join((digits[:4], digits[4:6], digits[6:8], digits[8:]))
    assert mask_phones(f"call {spelling} now") == f"call {MASK} now"
