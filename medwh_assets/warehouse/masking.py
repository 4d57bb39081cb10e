"""Take phone numbers out of a text; prices, dates, doses and ids stay.

A regular expression proposes, the numbering plan decides: a proposal must be a valid number of
Ethiopia, or of the country whose code it carries, in `phonenumbers`. Numbers without a trunk zero
(`911 56 20 31`) may be lists of sizes, so those need another number or a word or sign of telephony
before them.
"""

import re
import unicodedata
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


def mask_phones(text: str) -> str:
    """Return the text with every phone number replaced by `[phone]`."""
    return count_and_mask_phones(text)[0]


@lru_cache(maxsize=2048)
def count_and_mask_phones(text: str) -> tuple[str, int]:
    """Return the text with its phone numbers replaced by `[phone]`, and how many there were.

    Answers are kept for a while: nine of ten posts repeat a text.
    """
    # Digits of other scripts (full-width, bold) are folded one to one, so positions stay.
    folded = _FOREIGN_DIGIT.sub(_ascii_digit, text)
    parts: list[str] = []
    written = position = count = 0
    while candidate := _CANDIDATE.search(folded, position):
        follows = count > 0 and candidate.start() - written <= _NEXT_TO
        span = _phone(candidate, folded, follows=follows)
        if span is None:
            position = candidate.start() + 1
            continue
        start, position = span
        parts += (text[written:start], MASK)
        written = position
        count += 1
    return ("".join((*parts, text[written:])), count) if count else (text, 0)


def _ascii_digit(digit: re.Match[str]) -> str:
    return str(unicodedata.decimal(digit.group()))


def _phone(candidate: re.Match[str], text: str, *, follows: bool) -> tuple[int, int] | None:
    """Return where the phone number of a candidate begins and ends, or None if it holds none.

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
            accepted = _is_valid(_country_number(digits))
        case "trunk":
            accepted = _is_grouped(groups) and _is_valid("251" + digits[1:])
        case "dialled":
            accepted = announced and _is_valid(digits[2:])
        case "bare":
            accepted = _is_bare_phone(groups, before, text[end : end + 8], announced=announced)
        case _:
            return _foreign(candidate)
    return _trimmed(start, end, text) if accepted else _foreign(candidate)


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


def _foreign(candidate: re.Match[str]) -> tuple[int, int] | None:
    """Find the longest valid number at the start of `+`, digits and gaps.

    What begins with `+251` is meant as a phone number even where a digit is missing.
    """
    found = candidate.group()
    if not found.lstrip("(").startswith(("+", "\uff0b")):
        return None
    ends = [group.end() for group in _DIGITS.finditer(found)]
    for end in reversed(ends):
        digits = "".join(_DIGITS.findall(found[:end]))
        if _is_valid(digits) or (digits.startswith("251") and 10 <= len(digits) <= 13):
            return _trimmed(candidate.start(), candidate.start() + end, candidate.string)
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
