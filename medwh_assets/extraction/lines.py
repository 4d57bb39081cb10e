"""One line, read once: everything that it says whatever stands around it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from medwh_assets.extraction.attributes import NOTHING, Attributes, read_attributes
from medwh_assets.extraction.footers import is_footer
from medwh_assets.extraction.kinds import Votes, votes_of
from medwh_assets.extraction.language import count_letters
from medwh_assets.extraction.lexicon import look_up
from medwh_assets.extraction.normal import (
    essence_of_spelt,
    fold,
    joined_apostrophes,
    line_hash,
    pattern,
    spell,
    words,
)
from medwh_assets.extraction.prices import Price, find_prices
from medwh_assets.extraction.products import Match, Matcher
from medwh_assets.phones import find_phones

LONGEST_NAME: Final = 120
_BULLET = re.compile(
    r"^\s*(?:[^\w\s([{\"'.,;:!?@+\-&%/$=<>*]|[-•*]\s|\d{1,2}[.)/]\s?(?=\D)|\d\ufe0f?\u20e3|#\w"
    r"|[oO]\s{2,})"
)
_LINE_SPLIT = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_CUT = pattern(
    r"(?:price|prise|pirce|ዋጋ|only \d|=|:-|\.{3,}|💵|💰|💲|exp\b|exp[.:]|⏳|⏰|📅|📆|📦"
    r"|(?<![\w.])\d[\d,.]{0,9}\s?(?:mg|mcg|iu|ml|gm?|kg|%|birr|br|etb|ብር|tab|cap|soft|gumm|pcs"
    r"|ሚ\.?ግ|ሚ\.?ሊ|x\s?\d)"
    r"|\bof \d)"
)
# What a line may say besides a price without naming anything: `size 3`, `one tube`, `each`.
_NAMELESS: Final = frozenset(
    """
    price prices prise cost birr bir br etb usd only just now new was old each per one two three single
    size strip strips box boxes pack packs pk tube tubes tin tab tabs tablet tablets piece pieces pcs
    small large medium big xl set pair for and with from to of the is a in retail wholesale fixed
    negotiable discount free delivery today ml mg g gm kg l bottle bottles carton sale final last no
    month months offer
    ዋጋ ዋጋው ብር ብቻ አንዱ የአንዱ አንድ ሁለት አሁን የነበረ በ ከ ለ እና ትልቁ ትንሹ ሳጥን ስትሪፕ ነው በነጻ ቁጥር ካርቶን
    """.split()
)


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says.

    Attributes:
        masked: the line as it stands, phone numbers masked.
        essence: its words and numbers.
        hash: of the essence.
        vendors: the phone numbers that were masked.
        products: by names that are no everyday words.
        guarded: products by everyday words, to be believed only in an offer.
        prices: every amount of money.
        asked: those of them that are the price of what is offered.
        attributes: strength, form, pack, expiry, stock.
        bullet: whether it begins as an item of a list does.
        name: what it names, as written; empty if nothing.
        footer: whether it is footer by its words.
        delivery: whether it is about delivery.
        ethiopic: letters in Ethiopic script.
        latin: letters in Latin script.
        votes: for what kind of post it speaks.
    """

    masked: str
    essence: str
    hash: int
    vendors: tuple[str, ...]
    products: tuple[Match, ...]
    guarded: tuple[Match, ...]
    prices: tuple[Price, ...]
    asked: tuple[Price, ...]
    attributes: Attributes
    bullet: bool
    name: str
    footer: bool
    delivery: bool
    ethiopic: int
    latin: int
    votes: Votes


def split_lines(text: str) -> list[str]:
    """Return the lines of a text; numbers of lines count from one."""
    return _LINE_SPLIT.split(text)


def line_reader(matcher: Matcher) -> Callable[[str], Line | None]:
    """Return what reads a line; None for lines without a letter or digit."""

    def read(raw: str) -> Line | None:
        found = find_phones(raw)
        folded = fold(found.text)
        spelt = spell(folded)
        essential = essence_of_spelt(spelt)
        if not essential:
            return None
        named = words(joined_apostrophes(spelt))
        padded = f" {' '.join([word.group() for word in named])} "
        hits = look_up(padded)
        matches = matcher.find(spelt, named, padded)
        attributes = read_attributes(spelt, hits)
        prices = tuple(find_prices(spelt, describes=bool(matches) or attributes.describes))
        products = tuple(match for match in matches if not match.guarded)
        asked = tuple(price for price in prices if price.qualifier is None)
        ethiopic, latin = count_letters(folded)
        footer = is_footer(spelt, hits, offers=bool(asked or products))
        return Line(
            masked=found.text.strip(),
            essence=essential,
            hash=line_hash(essential),
            vendors=found.numbers,
            products=products,
            guarded=tuple(match for match in matches if match.guarded),
            prices=prices,
            asked=asked,
            attributes=NOTHING if footer and attributes.availability is None else attributes,
            bullet=_BULLET.match(raw) is not None,
            name="" if footer else _name(folded, spelt, prices),
            footer=footer,
            delivery="delivery" in hits,
            ethiopic=ethiopic,
            latin=latin,
            votes=Votes() if footer else votes_of(hits, ethiopic + latin),
        )

    return read


def _name(folded: str, spelt: str, prices: tuple[Price, ...]) -> str:
    """Return what a line names: what stands before its price and attributes, else behind its price."""
    cut = _CUT.search(spelt)
    end = min([cut.start() if cut else len(folded), *(price.start for price in prices)])
    for part in (folded[:end], folded[prices[-1].end :] if prices else ""):
        name = _EDGES.sub("", part)
        if any(
            word.group() not in _NAMELESS and not word.group().isdigit()
            for word in words(spell(name))
        ):
            return name[:LONGEST_NAME]
    return ""
