"""A whole post: its lines put together, its kind decided, and all of it written down."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from pydantic import SecretStr

from medwh_assets.extracted import ExtractedText
from medwh_assets.extraction.attributes import Attributes
from medwh_assets.extraction.kinds import PostKind, kind_of, total
from medwh_assets.extraction.language import language_of
from medwh_assets.extraction.lines import Line, line_reader, split_lines
from medwh_assets.extraction.normal import text_hash
from medwh_assets.extraction.offers import (
    NumberedLine,
    Offer,
    believed,
    read_offers,
    with_everyday_words,
)
from medwh_assets.extraction.prices import Price, Qualifier, money, qualified
from medwh_assets.extraction.products import Match, Matcher
from medwh_assets.extraction.vocabulary import Vocabulary

# Raise it with every change of what a text is read as: all slices are then due again.
GRAMMAR_VERSION: Final = 1

# Telegram's longest text has 4,096 characters; imports may hold anything.
LONGEST_TEXT: Final = 32_768
LONGEST_LINE: Final = 4_096
LONGEST_SHOWN: Final = 300

# What an amount without a word of its own is in a post of these kinds.
_AMOUNTS_OF: Mapping[PostKind, Qualifier] = {"training": "fee", "vacancy": "salary"}
_EMPTY: Final = b"[]"
_EVIDENCE: Final = ("strength", "size", "form", "pack", "expiry", "availability", "quantity")


class Extractor:
    """Reads texts with one vocabulary and one pepper.

    Args:
        vocabulary: what there is to find.
        pepper: what keeps sellers' keys from being turned back into phone numbers.
    """

    def __init__(self, vocabulary: Vocabulary, pepper: SecretStr) -> None:
        """Build the matcher; nothing is read yet."""
        self._pepper = pepper.get_secret_value().encode()
        peppered = self._keyed("the pepper's own version")[:8]
        # A change of any of the three is a change of what comes out.
        self.version = f"g{GRAMMAR_VERSION}-v{vocabulary.version}-p{peppered}"
        # Nine of ten posts repeat a text, and nearly all repeat their footer's lines.
        self._read_line = lru_cache(maxsize=50_000)(_line_writer(Matcher(vocabulary)))
        self._vendor = lru_cache(maxsize=10_000)(self._keyed)
        self.extract = lru_cache(maxsize=4_096)(self._extract)

    def _keyed(self, phone: str) -> str:
        return hmac.new(self._pepper, phone.encode(), hashlib.sha256).hexdigest()[:32]

    def _extract(self, text: str | None) -> ExtractedText:
        """Return what a text says; a pure function of it."""
        if not text:
            return _NOTHING
        raw = split_lines(text[:LONGEST_TEXT])
        written: dict[int, _Written] = {}
        found: list[tuple[int, Line]] = []
        for number, line in enumerate(raw, 1):
            one = self._read_line(line[:LONGEST_LINE])
            if one is not None:
                written[number] = one
                found.append((number, one.line))
        lines = _without_delivery(found)
        numbered = believed(lines)
        shown = [line for _, line in lines if not line.footer]
        votes = total(
            (line.votes for line in shown),
            prices=sum(len(line.asked) for line in shown),
            items=sum(_is_item(one) for one in numbered),
            products=sum(bool(one.products) for one in numbered),
        )
        kind = kind_of(votes)
        if (amount := _AMOUNTS_OF.get(kind)) is not None:
            numbered = [_with_amounts(one, amount) for one in numbered]
        offers = read_offers(numbered)
        ethiopic = sum(line.ethiopic for line in shown)
        latin = sum(line.latin for line in shown)
        phones = dict.fromkeys(phone for _, line in lines for phone in line.vendors)
        clipped = max(0, len(text) - LONGEST_TEXT) + sum(
            max(0, len(line) - LONGEST_LINE) for line in raw
        )
        features = {
            "sale": votes.sale,
            "education": votes.education,
            "training": votes.training,
            "vacancy": votes.vacancy,
            "lines": len(lines),
            "letters": ethiopic + latin,
            "clipped": clipped,
            "prices": sum(len(one.line.asked) for one in numbered),
            "products": len({m.product_key for one in numbered for m in one.products}),
        }
        return ExtractedText(
            text_hash=text_hash(line.essence for _, line in lines),
            body_hash=text_hash(line.essence for line in shown),
            language=language_of(ethiopic, latin),
            post_kind=kind,
            line_numbers=tuple(number for number, _ in lines),
            line_hashes=tuple(line.hash for _, line in lines),
            line_footers=tuple(line.footer for _, line in lines),
            line_ethiopic=tuple(line.ethiopic for _, line in lines),
            line_latin=tuple(line.latin for _, line in lines),
            candidates=_candidates(numbered, written),
            offers=_json([_offer(offer) for offer in offers]),
            vendor_keys=tuple(self._vendor(phone) for phone in phones),
            features=_json(features),
        )


@dataclass(frozen=True, slots=True)
class _Written:
    """A line and its candidate, but for the number: without and with its everyday words."""

    line: Line
    plain: bytes
    believed: bytes


def _line_writer(matcher: Matcher) -> Callable[[str], _Written | None]:
    """Return what reads a line and writes it down."""
    read = line_reader(matcher)

    def write(raw: str) -> _Written | None:
        line = read(raw)
        if line is None:
            return None
        plain = _candidate(line, line.products)
        with_guarded = with_everyday_words(line)
        believed = plain if with_guarded is line.products else _candidate(line, with_guarded)
        return _Written(line, plain, believed)

    return write


def _candidates(lines: Sequence[NumberedLine], written: Mapping[int, _Written]) -> bytes:
    """Write down the lines that say anything."""
    parts: list[bytes] = []
    for one in lines:
        known = written[one.number]
        if one.line is not known.line:
            rest = _candidate(one.line, one.products)
        elif len(one.products) == len(one.line.products):
            rest = known.plain
        else:
            rest = known.believed
        if rest:
            parts.append(b'{"line":%d,' % one.number + rest)
    return b"[" + b",".join(parts) + b"]"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


_NOTHING: Final = ExtractedText(
    None, None, "none", "other", (), (), (), (), (), _EMPTY, _EMPTY, (), _json({"lines": 0})
)


def _without_delivery(lines: Sequence[tuple[int, Line]]) -> list[tuple[int, Line]]:
    """Make amounts delivery fees that stand alone under a line about delivery."""
    decided: list[tuple[int, Line]] = []
    above: Line | None = None
    for number, line in lines:
        if (
            above is not None
            and above.footer
            and above.delivery
            and not above.prices
            and line.asked
            and not (line.name or line.products or line.guarded)
            and line.prices[0].evidence != "label"
        ):
            line = _with_prices(line, qualified(line.prices, "delivery_fee"), footer=True)
        decided.append((number, line))
        above = line
    return decided


def _with_prices(line: Line, prices: tuple[Price, ...], *, footer: bool) -> Line:

    asked = tuple(price for price in prices if price.qualifier is None)
    return replace(line, prices=prices, asked=asked, footer=footer)


def _with_amounts(one: NumberedLine, amount: Qualifier) -> NumberedLine:
    if not one.line.asked:
        return one
    line = _with_prices(one.line, qualified(one.line.prices, amount), footer=one.line.footer)
    return NumberedLine(one.number, line, one.products)


def _is_item(one: NumberedLine) -> bool:
    line = one.line
    return not line.footer and bool(
        (one.products and (line.bullet or line.attributes.describes))
        or (line.bullet and line.attributes.describes)
    )


def _candidate(line: Line, products: tuple[Match, ...]) -> bytes:
    """Write down what a line says, from behind its number on; nothing if it says nothing."""
    attributes = _attributes(line.attributes)
    bullet = line.bullet and bool(line.name) and not line.footer
    if not (products or line.prices or attributes or bullet):
        return b""
    evidence = [
        *(["product"] if products else []),
        *(["price"] if line.prices else []),
        *[key for key in _EVIDENCE if key in attributes],
        *(["bullet"] if line.bullet else []),
        *(["delivery"] if line.delivery else []),
        *(["contact"] if line.vendors else []),
    ]
    written: dict[str, Any] = {
        "hash": line.hash,
        "text": line.masked[:LONGEST_SHOWN],
        "evidence": evidence,
    }
    if line.footer:
        written["footer"] = True
    if line.name and (line.asked or bullet or products or line.attributes.describes):
        written["name"] = line.name
    if products:
        written["products"] = [_match(match) for match in products]
    if line.prices:
        written["prices"] = [_price(price) for price in line.prices]
    return _json(written | attributes)[1:]


def _offer(offer: Offer) -> dict[str, Any]:
    """Write down an offer."""
    written: dict[str, Any] = {
        "line": offer.number,
        "hash": offer.line.hash,
        "text": offer.line.masked[:LONGEST_SHOWN],
        "name": offer.name or offer.line.masked[:LONGEST_SHOWN],
    }
    if offer.product is not None:
        written |= _match(offer.product)
    if offer.others:
        written["other_products"] = [match.product_key for match in offer.others]
    written |= _attributes(offer.attributes)
    if offer.price is not None and offer.price_line is not None:
        price = offer.price
        written |= {
            "price": money(price.amount),
            "currency": price.currency,
            "stated": price.stated,
            "price_evidence": price.evidence,
            "price_line": offer.price_number,
            "price_hash": offer.price_line.hash,
        }
        if price.high is not None:
            written["price_high"] = money(price.high)
        if price.unit is not None:
            written["price_unit"] = price.unit
    if offer.old_price is not None:
        written["old_price"] = money(offer.old_price.amount)
    return written


def _match(match: Match) -> dict[str, Any]:
    return {
        "product_key": match.product_key,
        "matched": match.matched,
        "method": match.method,
        "alias": match.alias,
        "alias_type": match.alias_type,
        "score": match.score,
    }


def _price(price: Price) -> dict[str, Any]:
    written: dict[str, Any] = {
        "amount": money(price.amount),
        "currency": price.currency,
        "stated": price.stated,
        "evidence": price.evidence,
    }
    if price.high is not None:
        written["high"] = money(price.high)
    if price.qualifier is not None:
        written["qualifier"] = price.qualifier
    if price.unit is not None:
        written["unit"] = price.unit
    return written


def _attributes(attributes: Attributes) -> dict[str, Any]:
    written: dict[str, Any] = {
        "strength": attributes.strength,
        "size": attributes.size,
        "form": attributes.form,
        "pack": attributes.pack,
        "pack_count": attributes.pack_count,
        "quantity": attributes.quantity,
        "availability": attributes.availability,
    }
    if attributes.expiry is not None:
        written["expiry"] = attributes.expiry.day.isoformat()
        written["expiry_precision"] = attributes.expiry.precision
    return {key: value for key, value in written.items() if value is not None}
