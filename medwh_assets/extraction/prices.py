"""Amounts of money in one line, and what each is: a price, a delivery fee, a salary or another.

Every number is looked at with what stands before and behind it up to its neighbours. A number is
money if a label (`Price`, `ዋጋ`, 💰), a currency (`birr`, `ETB`, `ብር`) or, in a line that describes a
product, a sign (`= 650`, `.... 625`) says so. What the line's words make of it is its qualifier; a
price that something is offered at has none. Patterns have no nested repetition and look at 80
characters on either side, so a line costs time in proportion to its length.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from medwh_assets.extraction.normal import pattern

Evidence = Literal["label", "symbol", "currency", "equals"]
Qualifier = Literal[
    "delivery_fee", "salary", "fee", "discount", "old_price", "threshold", "other"
]  # fmt: skip

HIGHEST: Final = Decimal(100_000_000)
_AROUND: Final = 80
# A range's lower end is at least this part of its upper one: `3 - 1150` is no range.
_RANGE_SHARE: Final = 20
_SMALLEST_BARE: Final = 5

_NUMBER = pattern(
    r"(?<!\d)(?<!\d[.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d{1,3}(?:\.\d{3})+"
    r"|\d{1,8}(?:\.\d{1,2}|,\d{2})?)"
    r"(?![\d]|[.,]\d)"
)
_SPACED = pattern(r"(?<=[\s:;=(>\-])(\d{1,3}) (?=\d{3}(?!\d))")

_BIRR = r"(?:birr?s?|berr|bir|br|etb|ብር|ብ(?=[.\s]|$))"
_RIGHT_CURRENCY = pattern(
    rf"\s{{0,3}}(?:/[-=]?|=)?\s?(?:(?P<etb>{_BIRR}(?![a-z]))|(?P<usd>usd\b|dollars?\b|\$|ዶላር))"
)
_LEFT_CURRENCY = pattern(
    r"(?:(?P<etb>(?<![a-z])(?:birr|br|etb)|ብር)|(?P<usd>usd|\$))\s?[.:=>-]{0,3}\s?$"
)
_SLASHED = pattern(r"\s?/\s?[-=](?!\d)")
_TIMES = pattern(r"\s?(?:(ሺህ|ሺ|k\b|thousand\b)|(ሚሊዮን|ሚሊየን|million\b|billion\b|ቢሊዮን))")

_LABEL_WORD = r"(?:price|prices|prise|prize is|pirce|pric|cost|ዋጋው?|ዋጋዉ|ዋጋቸው|የሽያጭ ዋጋ)"
_LABEL = pattern(
    rf"{_LABEL_WORD}(?:[\s:;,.=>/|'\"()\-–፡፦፥።_~]|is|was|now|only|new|each|just|just only|from|እና"
    rf"|ብቻ|ከ|በ"
    rf"|{_BIRR}|price|ዋጋ|👉|➡|✅|:){{0,14}}$"
)
_MONEY_SIGN = pattern(r"[💵💰💲💸🏷💳🤑](?:[\s:;=.>\-]|etb|br\b|birr){0,6}$")
_EQUALS = pattern(r"(?:=|\.{3,}|:-|@|->|…|[➡👉🟰])\s{0,6}>?\s{0,3}$")

_UNIT = pattern(
    r"\s?(?:mg|mcg|µg|ug|g|gm|gms|gr|grams?|kg|ml|l|lt|liters?|litre|iu|i\.u|miu|cc|mm|cm|m|meq"
    r"|mmol|%|x\d|x \d"
    r"|tabs?|tablets?|caps?|capsules?|pcs|pieces?|packs?|pk|strips?|boxe?s?|bottles?|vials?|amps?"
    r"|gumm\w{1,5}"
    r"|softgels?|soft gels?|sachets?|pairs?|months?|years?|yrs?|days?|weeks?|hours?|hrs?|min|am"
    r"|pm|ceu|cpd|ct|spf"
    r"|followers|members|people|st|nd|rd|th|function|inch|watt|w|v|hz|ሚ\.?ግ|ሚ\.?ሊ|ግራም|ፍሬ|ኪሎ|ወር"
    r"|ሰዓት|ቀን|ዓመት|አመት"
    r"|እንክብል|ሊትር|ጥንድ|ስትሪፕ|ከረጢት|ኪ\.?ግ)(?![a-z])"
)
_SIZE_BEFORE = pattern(
    r"(?:\b(?:size|no|number|stage|type|model|spf|of|vitamin|omega|grade|phase|room|floor|tel"
    r"|code|id|ref|lot"
    r"|step|day|week|page|channel|fm|hg|age|q|since|ቁጥር|ቁ)|#|№|[a-z&]-)\s?[.:#]?\s?$"
)
_GLUED = pattern(r"[a-z]$")
_GLUED_CURRENCY = pattern(r"(?<![a-z])(?:birr|br|etb|price|rs)$")
_JOIN_RANGE = pattern(rf"^\s?(?:{_BIRR})?\s{{0,3}}(?:-|to|up to|እስከ|~|–)\s{{0,3}}(?:{_BIRR})?\s?$")
_JOIN_LIST = pattern(r"^\s{0,3}[|/]\s{0,3}$")
_FROM = pattern(r"(?:from|between|ከ|start\w{0,5})\s?$")
_LIST_NUMBER = pattern(r"^\s{0,5}[(\[]?$")

_DELIVERY = pattern(
    r"deliver|transport|shipping|shipment|courier|freight|ዴሊቨሪ|ዲሊቨሪ|ደሊቨሪ|ዴሊበሪ|ትራንስፖርት|መላኪያ|ማድረሻ"
    r"|ማጓጓዣ|የማድረስ|🏍|🛵"
)
_NOT_ITS_FEE = pattern(
    r"(?:free|with|including|includes|incl|inclusive of|plus free|\+|ከነ|በነጻ|በነፃ|ነጻ|ነፃ|no"
    r"|without)\W{0,3}(?:\w{1,12}\W{1,3}){0,2}"
    r"(?:deliver|transport|shipping|ዴሊቨሪ|ዲሊቨሪ|ትራንስፖርት|መላኪያ)"
    r"|(?:deliver\w{0,3}|transport\w{0,6}|shipping|ዴሊቨሪ\w?)\W{0,3}(?:\w{1,6}\W{1,2})?(?:included"
    r"|inclusive|is free|free|not included|available|በነጻ|በነፃ|ነጻ|ነፃ|አለን|አለ)"
)
_FEE_WORD = pattern(r"\b(?:fees?|charge|cost|price)\b|ክፍያ")
_SALARY = pattern(
    r"salary|salaries|gross|net pay|wage|allowance|per month|/\s?month|monthly|stipend|ደመወዝ|ደሞዝ"
    r"|ደምወዝ|የወር|በወር|ጥቅማ"
)
_FEE = pattern(
    r"regist|tuition|course|training|consult|membership|semester|\bceu\b|\d\s?ceu|\bcpd\b"
    r"|exam fee|certificate|seminar"
    r"|workshop|subscription|service fee|\bfee\b|ምዝገባ|መመዝገቢያ|መመዝገብያ|ክፍያ|ስልጠና|ሥልጠና|የምክር"
)
_OFF = pattern(r"^\W{0,3}(?:off\b|discount|cash ?back|ቅናሽ)")
_SAVED = pattern(r"(?:save|saving|discount of|off of|cash ?back(?: of)?)\W{0,4}(?:up to\W{1,3})?$")
_OLD = pattern(
    r"(?:\bwas\b|old price|previous(?:ly)?(?: price)?|instead of|regular price|original price"
    r"|before(?: price)?|የነበረ\w{0,3}|የቀድሞ|የድሮ|በፊት)"
    r"[^\d]{0,24}$"
)
_NEW = pattern(r"\b(?:now|new|today|discounted)\b|አሁን|አዲሱ")
_ABOVE = pattern(
    r"(?:above|over|more than|at least|min(?:imum)?(?: order)?(?: of)?|orders? of|exceed\w{0,4}"
    r"|worth of|buy for|spend)[^\d]{0,14}$"
)
_AND_ABOVE = pattern(r"^[^\d\n]{0,3}(?:and (?:above|over|more)|or more|በላይ|\+ orders)")
_OTHER = pattern(
    r"\bwins?\b|raffle|lottery|worth|prize\b(?! is)|reward|account|loan|capital|insurance|donat"
    r"|fund|budget|revenue|deposit"
    r"|invest|penalty|fine of|project|agreement|ሽልማት|እጣ|ዕጣ|ሂሳብ|ብድር|በጀት|ካፒታል|መዋጮ|ቅጣት"
)
_UNIT_PRICE = pattern(
    r"^(?:\s|birr|br|etb|ብር|only|/)*?\b(?:per|each|for (?:1|one)|a)\s?(?P<unit>tab(?:let)?|strip"
    r"|pack|pk|box|bottle|pcs?|piece|tin|can|kg|vial|amp(?:oule)?"
    r"|tube|carton|pair|set|sachet)?"
)
_UNIT_BEFORE = pattern(
    r"(?:one|1|per|single|የአንድ|አንድ|አንዱ)\s?(?P<unit>tab(?:let)?|strip|pack|pk|box|bottle|pcs?"
    r"|piece|tin|can|kg|vial|amp(?:oule)?"
    r"|tube|carton|pair|set|sachet)\s?[=:\-]?\s?(?:price)?\s?$"
)


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of money.

    Attributes:
        amount: exact, two decimal places.
        high: the upper end of a range; `amount` is then the lower one.
        currency: `ETB`, unless dollars are named.
        stated: whether a currency is written.
        evidence: what says that it is money.
        qualifier: what it is if not the price of what is offered.
        unit: `tablet`, `box`, … if it is the price of one of those.
        start: where it begins in the line.
        end: where it ends.
    """

    amount: Decimal
    high: Decimal | None
    currency: Literal["ETB", "USD"]
    stated: bool
    evidence: Evidence
    qualifier: Qualifier | None
    unit: str | None
    start: int
    end: int


@dataclass(slots=True)
class _Number:
    """A number of the line with its surroundings."""

    value: Decimal
    start: int
    end: int
    left: str
    right: str
    currency: Literal["ETB", "USD"] | None = None
    label: bool = False
    sign: bool = False
    evidence: Evidence | None = None
    low: "Decimal | None" = None
    low_start: int = -1


_CENTS = Decimal("0.01")
_UNITS = {
    "tab": "tablet", "pk": "pack", "pc": "piece", "pcs": "piece", "amp": "ampoule", "can": "tin",
}  # fmt: skip


def find_prices(spelt: str, *, describes: bool) -> list[Price]:
    """Return the amounts of money of a line, in order.

    Args:
        spelt: the line as `normal.spell` returns it, phone numbers masked.
        describes: whether the line names a product or its strength, form or pack, so that a bare
            `= 650` is its price.
    """
    line = _SPACED.sub(_close_up, spelt)
    numbers = _numbers(line)
    if not numbers:
        return []
    used_until = -1
    for number in numbers:
        used_until = _look_at(number, line, used_until, describes=describes)
    _chain(numbers, line)
    prices: list[Price] = []
    delivery = False
    for place, number in enumerate(numbers):
        if number.evidence is None:
            continue
        before = _before(numbers, place, line)
        qualifier = _qualifier(number, before, delivery=delivery)
        delivery = qualifier == "delivery_fee"
        low = number.low
        prices.append(
            Price(
                amount=number.value if low is None else low,
                high=None if low is None else number.value,
                currency=number.currency or "ETB",
                stated=number.currency is not None,
                evidence=number.evidence,
                qualifier=qualifier,
                unit=_unit(number),
                start=number.start if low is None else number.low_start,
                end=number.end,
            )
        )
    return prices


def qualified(prices: Sequence[Price], qualifier: Qualifier) -> tuple[Price, ...]:
    """Return prices with those that have no qualifier made what the post makes of them."""
    return tuple(
        price if price.qualifier else replace(price, qualifier=qualifier) for price in prices
    )


def _close_up(spaced: re.Match[str]) -> str:
    # As long as before: the places in the line stay. A thousands comma is read as one.
    return f"{spaced.group(1)},"


def _numbers(line: str) -> list[_Number]:
    found = list(_NUMBER.finditer(line))
    numbers: list[_Number] = []
    for place, match in enumerate(found):
        value = _value(match.group())
        start, end = match.span()
        left_from = max(found[place - 1].end() if place else 0, start - _AROUND)
        right_to = min(
            found[place + 1].start() if place + 1 < len(found) else len(line), end + _AROUND
        )
        numbers.append(_Number(value, start, end, line[left_from:start], line[end:right_to]))
    return numbers


def _value(written: str) -> Decimal:
    head, comma, cents = written.rpartition(",")
    if comma and len(cents) == 2:
        return Decimal(f"{head}.{cents}")
    head, dot, tail = written.rpartition(".")
    if dot and len(tail) == 3:
        return Decimal(written.replace(".", ""))
    return Decimal(written.replace(",", ""))


def _look_at(number: _Number, line: str, used_until: int, *, describes: bool) -> int:
    """Decide whether a number is money; return how far its currency reaches into the line."""
    left, right = number.left, number.right
    if _GLUED.search(left) and not _GLUED_CURRENCY.search(left):
        return used_until
    times = _TIMES.match(right)
    behind = right[times.end() :] if times else right
    currency = _RIGHT_CURRENCY.match(behind)
    ends = used_until
    if currency:
        number.currency = "USD" if currency["usd"] else "ETB"
        ends = number.end + (times.end() if times else 0) + currency.end()
    elif number.start - len(left) >= used_until or used_until < 0:
        number.currency = _currency_before(left)
    else:
        number.currency = _currency_before(left[max(0, used_until - number.start + len(left)) :])
    number.label = _LABEL.search(left) is not None
    number.sign = _MONEY_SIGN.search(left) is not None
    unit = _UNIT.match(right)
    if times and (number.currency or number.label or number.sign):
        number.value *= 1000 if times[1] else 1_000_000
    if number.currency and not (unit and not currency and not number.label):
        number.evidence = "label" if number.label else "symbol" if number.sign else "currency"
    elif unit or (right[:1] in ("%", "/") and right[1:2].isdigit()):
        return ends
    elif number.label or number.sign:
        number.evidence = "label" if number.label else "symbol"
    elif _SLASHED.match(right):
        number.evidence = "currency"
    elif describes and number.value >= _SMALLEST_BARE and _EQUALS.search(left):
        number.evidence = "equals"
    if not 0 < number.value <= HIGHEST:
        number.evidence = None
    return ends


def _currency_before(left: str) -> Literal["ETB", "USD"] | None:
    found = _LEFT_CURRENCY.search(left)
    if found is None:
        return None
    return "USD" if found["usd"] else "ETB"


def _chain(numbers: list[_Number], line: str) -> None:
    """Join the ends of ranges, and let a row `3,900 | 3,200 birr` be prices all."""
    for place in range(len(numbers) - 2, -1, -1):
        one, other = numbers[place], numbers[place + 1]
        between = line[one.end : other.start]
        if other.evidence is None:
            continue
        if _JOIN_LIST.match(between) and not _GLUED.search(one.left):
            if "|" in between or one.value * _RANGE_SHARE >= other.value:
                one.currency = one.currency or other.currency
                one.evidence = one.evidence or other.evidence
            continue
        if _JOIN_RANGE.match(between) and _is_range(one, other):
            other.low, other.low_start = one.value, one.start
            other.left = one.left
            if one.label:
                other.evidence = "label"
            one.evidence = None


def _is_range(one: _Number, other: _Number) -> bool:
    if not one.value < other.value <= one.value * _RANGE_SHARE or one.low is not None:
        return False
    if _SIZE_BEFORE.search(one.left) or (_GLUED.search(one.left) and not one.evidence):
        return False
    begins = one.evidence is not None or _FROM.search(one.left) is not None
    return (
        begins
        or (one.value >= 10 and _LIST_NUMBER.match(one.left) is not None)
        or bool(_DELIVERY.search(one.left))
    )


def _before(numbers: Sequence[_Number], place: int, line: str) -> str:
    """Return what stands before a number, back to the last number that is money."""
    since = 0
    for earlier in numbers[:place]:
        if earlier.evidence is not None:
            since = earlier.end
    number = numbers[place]
    start = number.start if number.low is None else number.low_start
    return line[max(since, start - _AROUND) : start]


def _qualifier(number: _Number, before: str, *, delivery: bool) -> Qualifier | None:
    right = number.right
    behind = _RIGHT_CURRENCY.match(right)
    after = right[behind.end() :] if behind else right
    if _ABOVE.search(before) or _AND_ABOVE.match(after):
        return "threshold"
    if _OFF.match(after) or _SAVED.search(before):
        return "discount"
    said = _NOT_ITS_FEE.sub(" ", before)
    if _is_delivery(number, said, before, after, delivery=delivery):
        return "delivery_fee"
    if _SALARY.search(before) or _SALARY.search(after[:24]):
        return "salary"
    if _OLD.search(before) and not _NEW.search(before):
        return "old_price"
    if _OTHER.search(before) or re.match(r"\W{0,3}(?:prize|reward|ሽልማት|worth)", after):
        return "other"
    if number.value >= 1_000_000 and not (number.label or number.sign):
        return "other"
    if _FEE.search(before) or re.match(r"\W{0,3}(?:per (?:semester|ceu)|registration|fee)", after):
        return "fee"
    return None


def _is_delivery(number: _Number, said: str, before: str, after: str, *, delivery: bool) -> bool:
    spoken = list(_DELIVERY.finditer(said))
    if spoken:
        between = said[spoken[-1].end() :]
        # `Delivery! Price 4500`: a price of its own begins behind the word.
        return not (number.label and re.search(r"[.!,;|\n)✅]", between) and "fee" not in between)
    if number.label or number.sign:
        return False
    if _DELIVERY.search(before) and _FEE_WORD.search(before):
        return True
    near = after[:28]
    if _DELIVERY.search(near) and not _NOT_ITS_FEE.search(near):
        return not re.search(r"[a-z]{3,}\W", before) or "fee" in near or "for" in near[:6]
    return delivery and not (_NEW.search(before) or re.search(r"[.!]|price|ዋጋ", before))


def _unit(number: _Number) -> str | None:
    found = _UNIT_PRICE.match(number.right) or _UNIT_BEFORE.search(number.left)
    unit = found["unit"] if found else None
    return _UNITS.get(unit, unit) if unit else None


def money(amount: Decimal) -> str:
    """Write an amount as marts keep it: two decimal places."""
    return str(amount.quantize(_CENTS))
