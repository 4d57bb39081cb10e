"""Find phone numbers in a text and take them out; prices, dates, doses and ids stay.

A regular expression proposes, the numbering plan decides: a proposal must be a valid number of
Ethiopia, or of the country whose code it carries, in `phonenumbers`. Numbers without a trunk zero
(`911 56 20 31`) may be lists of sizes, so those need another number or a word or sign of telephony
before them.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

MASK = "[phone]"

# Marks that nobody sees, and the two that make a keycap emoji of a digit.
_INVISIBLE = "\u200b-\u200f\u2060\u2066-\u2069\ufe0f\u20e3"
# What may stand between two digits: blanks (no line break), dashes, dots, brackets.
_GAP = rf"[ \t\u00a0\u2000-\u200a\u202f.\-\u2010-\u2015\u2212(){_INVISIBLE}]{{0,3}}"

_CANDIDATE = re.compile(
    rf"""
    (?=[+\uff0b(0279])  (?<!\d)
    (?: (?P<ethiopia> \(? (?:[+\uff0b]{_GAP}|00)? 251 (?:{_GAP}0)? (?:{_GAP}\d){{9}} )
      | (?P<foreign>  \(? [+\uff0b]{_GAP}[1-9] (?:{_GAP}\d){{6,14}} )
      | (?P<dialled>  00[1-9]\d{{7,13}} )
      | (?P<trunk>    \(? 0{_GAP}[1-57-9] (?:{_GAP}\d){{8}} )
      | (?P<bare>     (?<![A-Za-z_=\#]) (?<!\D/) \(? [79] (?:{_GAP}\d){{8}} )
    )
    (?!\d)
    """,
    re.VERBOSE,
)
# Every candidate has seven digits in a row; most texts and nearly all lines have not.
_MAYBE = re.compile(rf"\d(?:{_GAP}\d){{6}}")
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")
_UNSEEN = re.compile(f"[{_INVISIBLE}]+")
_DIGITS = re.compile(r"\d+")
_DATE = re.compile(
    r"(?<!\d)(?:\d{1,2}([-.])\d{1,2}\1(?:19|20)\d\d|(?:19|20)\d\d([-.])\d{1,2}\2\d{1,2})(?!\d)"
)

# What may stand before a number that has no trunk zero, and what says that it is something else.
_TELEPHONY = re.compile(
    r"(?:[\u260e\u2706\u1f4de\U0001f4de\U0001f4f1\U0001f4f2\U0001f919]"
    r"|call|tel|phone|mob|cell|contact|dial|whats|viber|imo|ስልክ|ደውል|ደዉል|ስ\.ቁ)"
    r"[^\n\d]{0,24}$",
    re.IGNORECASE,
)
_SOMETHING_ELSE = re.compile(
    r"(?:\b(?:id|lot|batch|ref|reg|order|code|sku|serial|gtin|birr|etb|br|price|usd)"
    r"|[#$€]|ብር|ዋጋ)[\s.:#-]*(?:no|number|num)?[\s.:#-]*$",
    re.IGNORECASE,
)
_AFTER_COMMA = re.compile(r"(?:^|\D)\d{1,3}[.,]$")
_BEFORE_COMMA = re.compile(r"[.,]\d{1,3}(?!\d)")
_CURRENCY = re.compile(r"\s*(?:birr\b|br\b|etb\b|usd\b|[$€]|ብር)", re.IGNORECASE)
_LOOK_BACK = 40
_NEXT_TO = 5
_BARE_GROUPS = frozenset({(3, 6), (3, 3, 3), (3, 2, 2, 2), (2, 3, 4), (2, 2, 2, 3), (3, 4, 2)})


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without its phone numbers.

    Attributes:
        text: the text with `[phone]` in their place.
        count: how many were replaced.
        numbers: those that can be dialled, as E.164; one with a digit missing is masked and not here.
    """

    text: str
    count: int
    numbers: tuple[str, ...]


def mask_phones(text: str) -> str:
    """Return the text with every phone number replaced by `[phone]`."""
    return find_phones(text).text


def count_and_mask_phones(text: str) -> tuple[str, int]:
    """Return the text with its phone numbers replaced by `[phone]`, and how many there were."""
    found = find_phones(text)
    return found.text, found.count


@lru_cache(maxsize=2048)
def find_phones(text: str) -> Masked:
    """Return the text without its phone numbers, and the numbers.

    Answers are kept for a while: nine of ten posts repeat a text.
    """
    if _MAYBE.search(text) is None:
        return Masked(text, 0, ())
    # Digits of other scripts (full-width, bold) are folded one to one, so positions stay.
    folded = _FOREIGN_DIGIT.sub(_ascii_digit, text)
    parts: list[str] = []
    numbers: list[str] = []
    written = position = count = 0
    while candidate := _CANDIDATE.search(folded, position):
        follows = count > 0 and candidate.start() - written <= _NEXT_TO
        found = _phone(candidate, folded, follows=follows)
        if found is None:
            position = candidate.start() + 1
            continue
        start, position, number = found
        parts += (text[written:start], MASK)
        written = position
        count += 1
        if number is not None:
            numbers.append("+" + number)
    if not count:
        return Masked(text, 0, ())
    return Masked("".join((*parts, text[written:])), count, tuple(numbers))


def _ascii_digit(digit: re.Match[str]) -> str:
    return str(unicodedata.decimal(digit.group()))


# Where a phone number begins and ends, and its digits with the country's code if they are all there.
_Found = tuple[int, int, str | None]


def _phone(candidate: re.Match[str], text: str, *, follows: bool) -> _Found | None:
    """Return the phone number of a candidate, or None if it holds none.

    Args:
        candidate: a match of `_CANDIDATE` in `text`.
        text: the whole text.
        follows: whether another phone number stands just before.
    """
    start, end = candidate.span()
    found = candidate.group()
    seen = _UNSEEN.sub("", found)
    groups = _DIGITS.findall(seen)
    if len(groups) > 1 and _DATE.search(seen):
        return None
    before = text[max(0, start - _LOOK_BACK) : start]
    digits = "".join(groups)
    announced = follows or _TELEPHONY.search(before) is not None
    match candidate.lastgroup:
        case "ethiopia":
            number = _country_number(digits)
            accepted = _is_valid(number)
        case "trunk":
            number = "251" + digits[1:]
            accepted = _is_grouped(groups) and _is_valid(number)
        case "dialled":
            number = digits[2:]
            accepted = announced and _is_valid(number)
        case "bare":
            number = "251" + digits
            accepted = _is_bare_phone(groups, before, text[end : end + 8], announced=announced)
        case _:
            return _foreign(candidate)
    return (*_trimmed(start, end, text), number) if accepted else _foreign(candidate)


def _country_number(digits: str) -> str:
    """Drop the exit code, and the trunk zero that does not belong after a country code."""
    number = digits.removeprefix("00")
    return "251" + number[3:].removeprefix("0")


def _is_grouped(groups: list[str]) -> bool:
    """Say whether digits stand in groups as people write numbers, not as a list of values."""
    sizes = [len(group) for group in groups]
    if sizes[0] == 1 and len(sizes) > 1:
        return sizes[1] >= 3
    return len(sizes) <= 5 and (min(sizes) >= 2 or sizes[0] == 3)


def _is_bare_phone(groups: list[str], before: str, after: str, *, announced: bool) -> bool:
    if len(groups) > 1 and not (announced and tuple(map(len, groups)) in _BARE_GROUPS):
        return False
    if _SOMETHING_ELSE.search(before) or _CURRENCY.match(after):
        return False
    if _AFTER_COMMA.search(before) or _BEFORE_COMMA.match(after):
        return False
    return _is_valid("251" + "".join(groups))


def _foreign(candidate: re.Match[str]) -> _Found | None:
    """Find the longest valid number at the start of `+`, digits and gaps.

    What begins with `+251` is meant as a phone number even where a digit is missing.
    """
    found = candidate.group()
    if not found.lstrip("(").startswith(("+", "\uff0b")):
        return None
    ends = [group.end() for group in _DIGITS.finditer(found)]
    for end in reversed(ends):
        digits = "".join(_DIGITS.findall(found[:end]))
        valid = _is_valid(digits)
        if valid or (digits.startswith("251") and 10 <= len(digits) <= 13):
            span = _trimmed(candidate.start(), candidate.start() + end, candidate.string)
            return *span, digits if valid else None
    return None


def _trimmed(start: int, end: int, text: str) -> tuple[int, int]:
    """Leave a bracket that closes behind the number, take the marks that belong to its digits."""
    if text[start] == "(" and ")" not in text[start:end]:
        start += 1
    tail = _UNSEEN.match(text, end)
    return start, tail.end() if tail else end


@lru_cache(maxsize=8192)
def _is_valid(number: str) -> bool:
    """Ask the numbering plan about a number that begins with its country code.

    Businesses repeat their numbers in every post, so the answers are kept.
    """
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse("+" + number, None))
    except phonenumbers.NumberParseException:
        return False
