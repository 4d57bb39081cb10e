"""What a line says of a product besides its name and price: strength, size, form, pack, expiry, stock.

Each grammar takes a line as `normal.spell` returns it and gives back one canonical value or None.
"""

import calendar
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from medwh_assets.extraction.lexicon import FORMS, Hits
from medwh_assets.extraction.normal import pattern

Availability = Literal["available", "new_arrival", "limited", "out_of_stock", "coming_soon"]
Precision = Literal["day", "month", "year"]

EARLIEST_EXPIRY: Final = 2015
LATEST_EXPIRY: Final = 2049

_AMOUNT = r"\d{1,3}(?:,\d{3})+|\d{1,7}(?:\.\d{1,4})?"
_MASS = r"mg|mcg|µg|μg|ug|i\.?u\.?|miu|mmol|meq|ሚ\.?ግ\.?|ሚሊ ግራም|ሚሊግራም"
_STRENGTH = pattern(
    rf"(?<![\d.,])(?:(?P<first>{_AMOUNT})\s?(?P<unit>{_MASS})?(?:\s?[/+]\s?(?P<second>{_AMOUNT})\s?(?P<unit2>{_MASS}|ml|ሚ\.?ሊ))"
    rf"|(?P<only>{_AMOUNT})\s?(?P<unit3>{_MASS})|(?P<part>\d{{1,2}}(?:\.\d{{1,3}})?)\s?%)(?![a-z])"
)
_SIZE = pattern(
    rf"(?<![\d.,])(?P<amount>{_AMOUNT})\s?(?P<unit>ml|mls|cc|l|lt|ltr|liters?|litres?|kg|kgs|g|gm"
    rf"|gms|gr|grams?|oz|fl oz"
    rf"|ሚ\.?ሊ\.?|ሚሊ ሊትር|ሊትር|ኪሎ\s?ግራም|ኪ\.?ግ|ኪሎ|ግራም)(?![a-z])"
)
_UNITS: Final = {
    "ug": "mcg", "µg": "mcg", "μg": "mcg", "i.u": "iu", "i.u.": "iu", "iu.": "iu", "ሚ.ግ": "mg", "ሚግ": "mg",
    "ሚ.ግ.": "mg", "ሚሊ ግራም": "mg", "ሚሊግራም": "mg", "mls": "ml", "cc": "ml", "lt": "l", "ltr": "l", "liter": "l",
    "liters": "l", "litre": "l", "litres": "l", "kgs": "kg", "gm": "g", "gms": "g", "gr": "g", "gram": "g",
    "grams": "g", "fl oz": "oz",
    "ሚ.ሊ": "ml", "ሚሊ": "ml", "ሚ.ሊ.": "ml", "ሚሊ ሊትር": "ml", "ሊትር": "l", "ኪሎ": "kg",
    "ኪሎ ግራም": "kg", "ኪሎግራም": "kg", "ኪ.ግ": "kg", "ኪግ": "kg", "ግራም": "g",
}  # fmt: skip
# Up to this many grams of something to inject or swallow are its strength, more are a pack's size.
_GRAMS_OF_STRENGTH: Final = 2.0

_GRID = pattern(
    r"(?<![\d.,/])(\d{1,4})\s?x\s?(\d{1,4})(?:\s?x\s?(\d{1,3}))?(?!\d|[.,]\d|\s?(?:cm|mm|m)\b)"
)
_COUNT = pattern(
    r"(?<![\d.,])(?P<count>\d{1,3}(?:,\d{3})|\d{1,5})\s?(?P<unit>tabs?|tablets?|caps?|capsules?"
    r"|caplets?|soft\s?gels?|liqui\w{0,2}-?\s?gels?|liquid gels?"
    r"|gumm(?:y|ies)|pcs?|pieces?|counts?|ct|sachets?|strips?|tests?|pairs?|amps?|ampoules?"
    r"|vials?|pads?|wipes?|lozenges?|patches"
    r"|tubes?|bottles?|packs?|pk|boxes?|cartons?|ፍሬ|እንክብል|ጥንድ|ከረጢት|ስትሪፕ)(?![a-z])"
)
_OF = pattern(r"\bof\s?(\d{1,4})(?:\s?[a-z]{1,8})?(?![\d.,]\d)")
_QUANTITY_LINE = pattern(r"^\W{0,6}📦\W{0,4}(\d{1,3}(?:,\d{3})+|\d{1,7})")
_TIMES_COUNT = pattern(r"(?<![a-z])x\s?(\d{2,4})(?!\d|\s?(?:cm|mm|m|ml|mg)\b)")

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        start=1,
    )
}
_EXPIRY_WORD = (
    r"(?:exp(?:iry|ires|iration|ired|\.)?\s?(?:date|dt|dates)?|expiring|best before|use before"
    r"|\bed\b|\bbb\b|valid until|[⏳⏰🕰📅📆🗓⌛]|የአገልግሎት\s?(?:ማብቂያ)?\s?(?:ጊዜ)?|ጊዜው የሚያበቃው)"
)
_EXPIRY = pattern(
    rf"{_EXPIRY_WORD}[\s:;=.,\-–>፡]{{0,8}}(?:"
    r"(?P<d>\d{1,2})[/.\-](?P<dm>\d{1,2})[/.\-](?P<dy>\d{4}|\d{2})"
    r"|(?P<iy>20\d\d)[/.\-](?P<im>\d{1,2})(?:[/.\-](?P<id>\d{1,2}))?"
    r"|(?P<m>\d{1,2})\s?[/.,\-]\s?(?P<y>20\d\d|\d{2})"
    r"|(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov"
    r"|dec)[a-z]{0,6}[\s.,/\-]{0,3}(?P<ny>20\d\d|\d{2})"
    r"|(?P<only>20\d\d))(?!\d)"
)

_STOCK_SIGNS: Final[tuple[tuple[str, Availability], ...]] = (
    ("⛔", "limited"),
    ("🆕", "new_arrival"),
)
_LEFT = pattern(r"\bonly \d{1,3} left\b")
_STOCK: Final[tuple[Availability, ...]] = (
    "out_of_stock", "coming_soon", "limited", "new_arrival", "available",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expiry:
    """The last day on which something may be used, and how exactly it was written."""

    day: date
    precision: Precision


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a line says of a product; None where it says nothing.

    Attributes:
        strength: of the substance, such as `250 mg/5 ml`.
        size: volume or weight of one pack, such as `100 ml`.
        form: such as `tablet`.
        pack: as written, such as `10x10`.
        pack_count: how many pieces that are.
        quantity: how many are for sale, from a line with 📦.
        expiry: when it expires.
        availability: what is said of the stock.
    """

    strength: str | None = None
    size: str | None = None
    form: str | None = None
    pack: str | None = None
    pack_count: int | None = None
    quantity: int | None = None
    expiry: Expiry | None = None
    availability: Availability | None = None

    @property
    def describes(self) -> bool:
        """Whether the line looks like that of a thing one can buy."""
        return bool(self.strength or self.size or self.form or self.pack)


NOTHING: Final = Attributes()
_HAS_DIGIT = pattern(r"\d")


def read_attributes(spelt: str, hits: Hits) -> Attributes:
    """Read everything that a line says of a product.

    Args:
        spelt: the line.
        hits: what the lexicon found in it.
    """
    form = _form(hits)
    availability = _availability(spelt, hits)
    if _HAS_DIGIT.search(spelt) is None:
        if form is None and availability is None:
            return NOTHING
        return Attributes(form=form, availability=availability)
    expiry = _expiry(spelt)
    quantity = _quantity(spelt)
    strength, size = _strength_and_size(spelt, form)
    pack, pack_count = (None, None) if quantity is not None else _pack(spelt)
    return Attributes(strength, size, form, pack, pack_count, quantity, expiry, availability)


def _form(hits: Hits) -> str | None:
    """Return the form that is named first, by the longest of its names."""
    found = (
        [(start, start - end, form) for form in FORMS for start, end in hits.get(form, ())]
        if hits
        else []
    )
    return min(found)[2] if found else None


def _number(written: str) -> str:
    number = written.replace(",", "")
    return number.rstrip("0").rstrip(".") if "." in number else str(int(number))


def _unit(written: str) -> str:
    return _UNITS.get(written, written)


def _strength_and_size(spelt: str, form: str | None) -> tuple[str | None, str | None]:
    strength: str | None = None
    for found in _STRENGTH.finditer(spelt):
        if found["part"]:
            strength = strength or f"{_number(found['part'])} %"
            continue
        if found["only"]:
            written = f"{_number(found['only'])} {_unit(found['unit3'])}"
        else:
            second = _unit(found["unit2"])
            if found["unit"] is None and second == "ml" and "/" not in found.group():
                continue
            first = _unit(found["unit"]) if found["unit"] else "mg" if second == "ml" else second
            written = f"{_number(found['first'])} {first}/{_number(found['second'])} {second}"
        # A part in percent is less telling than a mass.
        strength = written
        break
    size: str | None = None
    for found in _SIZE.finditer(spelt):
        if found.start() and spelt[found.start() - 1] == "/":
            continue
        amount, unit = _number(found["amount"]), _unit(found["unit"])
        grams = unit == "g" and float(amount) <= _GRAMS_OF_STRENGTH
        if grams and strength is None and form not in ("cream", "ointment", "gel"):
            strength = f"{amount} g"
        elif size is None:
            size = f"{amount} {unit}"
    return strength, size


def _pack(spelt: str) -> tuple[str | None, int | None]:
    grid = _GRID.search(spelt)
    if grid:
        numbers = [int(number) for number in grid.groups() if number]
        count = 1
        for number in numbers:
            count *= number
        if 0 < count <= 100_000:
            return "x".join(map(str, numbers)), count
    of = _OF.search(spelt)
    if of and int(of[1]):
        return f"of {int(of[1])}", int(of[1])
    counted = _COUNT.search(spelt)
    if counted:
        count = int(counted["count"].replace(",", ""))
        if count:
            return f"{count} {counted['unit']}", count
    times = _TIMES_COUNT.search(spelt)
    if times and int(times[1]):
        return f"x{int(times[1])}", int(times[1])
    return None, None


def _quantity(spelt: str) -> int | None:
    found = _QUANTITY_LINE.search(spelt)
    return int(found[1].replace(",", "")) if found else None


def _expiry(spelt: str) -> Expiry | None:
    found = _EXPIRY.search(spelt)
    if found is None:
        return None
    if found["d"]:
        return _expires(found["dy"], found["dm"], found["d"])
    if found["iy"]:
        return _expires(found["iy"], found["im"], found["id"])
    if found["m"]:
        return _expires(found["y"], found["m"], None)
    if found["name"]:
        return _expires(found["ny"], str(_MONTHS[found["name"]]), None)
    return _expires(found["only"], None, None)


def _expires(year: str, month: str | None, day: str | None) -> Expiry | None:
    number = int(year) if len(year) == 4 else 2000 + int(year)
    if not EARLIEST_EXPIRY <= number <= LATEST_EXPIRY:
        return None
    if month is None:
        return Expiry(date(number, 12, 31), "year")
    in_year = int(month)
    if not 1 <= in_year <= 12:
        return None
    last = calendar.monthrange(number, in_year)[1]
    if day is None:
        return Expiry(date(number, in_year, last), "month")
    return Expiry(date(number, in_year, int(day)), "day") if 1 <= int(day) <= last else None


def _availability(spelt: str, hits: Hits) -> Availability | None:
    for availability in _STOCK:
        if availability in hits:
            return availability
    for sign, availability in _STOCK_SIGNS:
        if sign in spelt:
            return availability
    return "limited" if _LEFT.search(spelt) else None
