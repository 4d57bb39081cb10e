"""From lines to offers: a product's line opens one, the lines below it add price, expiry and stock.

Sellers write a product and its price in one line, or below each other, or a list of products with
their attributes under each, or one price for all. Footers, delivery fees and the amounts of
trainings and vacancies never end up in an offer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from medwh_assets.extraction.attributes import Attributes, Availability
from medwh_assets.extraction.lines import Line
from medwh_assets.extraction.normal import pattern
from medwh_assets.extraction.prices import Price
from medwh_assets.extraction.products import Match

_EACH = pattern(r"\beach\b|\ball for\b|እያንዳንዱ|ሁሉም በ")
_HEADING_WORDS = 6


@dataclass(slots=True)
class Offer:
    """One thing that is offered.

    Attributes:
        number: the line that names it.
        line: that line.
        name: as written.
        product: what it is, if the vocabulary knows it.
        others: further products of the line.
        attributes: its own and those of the lines below.
        price: what it costs.
        price_number: the line with the price.
        price_line: that line.
        old_price: what it cost before.
    """

    number: int
    line: Line
    name: str
    product: Match | None
    others: tuple[Match, ...] = ()
    attributes: Attributes = field(default_factory=Attributes)
    price: Price | None = None
    price_number: int | None = None
    price_line: Line | None = None
    old_price: Price | None = None


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A line, where it stands, and the products that it names where it stands."""

    number: int
    line: Line
    products: tuple[Match, ...]


class _Reader:
    """Goes down the lines of one post."""

    def __init__(self, lines: Sequence[NumberedLine]) -> None:
        self.offers: list[Offer] = []
        self._lines = lines
        self._open: Offer | None = None
        self._block: list[Offer] = []
        self._heading: NumberedLine | None = None
        self._stock: Availability | None = None
        items = [one for one in lines if one.line.bullet]
        known = [one for one in items if one.products or one.line.attributes.describes]
        self._is_list = len(items) >= 3 and 2 * len(known) >= len(items)

    def read(self) -> list[Offer]:
        for one in self._lines:
            if one.line.footer:
                continue
            if one.products and not self._continues(one):
                self._open_products(one)
            elif one.line.asked and one.line.name and not one.products and not self._belongs(one):
                self._open_offer(one, None, one.line.asked)
            elif one.line.asked:
                self._add_prices(one)
            elif one.line.bullet and self._is_list and one.line.name and not one.products:
                # An item that the vocabulary misses; what follows is not its predecessor's.
                self._open, self._heading = None, one
            else:
                self._add_words(one)
        return self.offers

    def _continues(self, one: NumberedLine) -> bool:
        """Whether a line only says again or more exactly what the offer above it is."""
        current = self._open
        if current is None or current.product is None or current.price is not None:
            return False
        same = {match.product_key for match in one.products} <= {
            current.product.product_key,
            *(match.product_key for match in current.others),
        }
        return one.line.masked.startswith("(") or (same and not one.line.bullet)

    def _belongs(self, one: NumberedLine) -> bool:
        """Whether a priced line with words of its own speaks of the offer above it."""
        current = self._open
        return (
            current is not None
            and current.price is None
            and not one.line.bullet
            and one.line.asked[0].evidence == "label"
            and not one.line.masked[: one.line.asked[0].start].strip().count(" ")
        )

    def _open_products(self, one: NumberedLine) -> None:
        line, products = one.line, one.products
        asked = line.asked
        if self._open is not None and line.masked.startswith("="):
            # `= 630 if it is taken with …`: another price of what stands above.
            for price in asked:
                if price.start < products[0].start:
                    self._repeat(self._open, one, price)
            asked = tuple(price for price in asked if price.start > products[0].start)
        if len(products) > 1 and len(asked) > 1:
            # `Zinc 90 birr, ORS 15 birr`: each takes the first price behind it.
            ends = [match.start for match in products[1:]] + [len(line.masked) + 1]
            pairs = [
                (match, [price for price in asked if match.end <= price.start < end])
                for match, end in zip(products, ends, strict=True)
            ]
            if sum(bool(prices) for _, prices in pairs) > 1:
                for match, prices in pairs:
                    self._open_offer(one, match, prices)
                return
        self._open_offer(one, products[0], asked, products[1:])

    def _open_offer(
        self,
        one: NumberedLine,
        product: Match | None,
        asked: Sequence[Price],
        others: tuple[Match, ...] = (),
    ) -> None:
        attributes = one.line.attributes
        if attributes.availability is None and self._stock is not None:
            attributes = replace(attributes, availability=self._stock)
        offer = Offer(
            one.number, one.line, one.line.name, product, others, attributes,
            old_price=_old(one.line),
        )  # fmt: skip
        if asked:
            offer.price, offer.price_number, offer.price_line = asked[0], one.number, one.line
        if self._block and self._block[-1].price is not None:
            self._block = []
        self._block.append(offer)
        self.offers.append(offer)
        self._open, self._heading = offer, None
        for price in asked[1:]:
            self._repeat(offer, one, price)

    def _repeat(self, offer: Offer, one: NumberedLine, price: Price) -> None:
        """The same thing at another price: another size, or for those who buy more."""
        self.offers.append(
            replace(offer, price=price, price_number=one.number, price_line=one.line)
        )

    def _add_prices(self, one: NumberedLine) -> None:
        line = one.line
        unpriced = [offer for offer in self._block if offer.price is None]
        asked = line.asked
        if len(unpriced) > 1 and (len(asked) == len(unpriced) or _EACH.search(line.essence)):
            for place, offer in enumerate(unpriced):
                offer.price = asked[min(place, len(asked) - 1)]
                offer.price_number, offer.price_line = one.number, line
            return
        current = self._open
        if current is None or (current.price is not None and self._heading is not None):
            heading = self._heading
            if heading is None:
                return
            self._open_offer(heading, None, ())
            current = self._open
            if current is None:
                return
            current.name = heading.line.name or heading.line.masked[:120]
        first, *rest = asked
        if current.price is None:
            current.price, current.price_number, current.price_line = first, one.number, line
        else:
            self._repeat(current, one, first)
        for price in rest:
            self._repeat(current, one, price)
        current.old_price = current.old_price or _old(line)
        self._fill(current, line)

    def _add_words(self, one: NumberedLine) -> None:
        line = one.line
        stock = line.attributes.availability
        if stock == "new_arrival" or (stock is not None and self._open is None):
            self._stock = stock
            if stock == "new_arrival" and line.name and not one.products:
                self._open = None
        if self._open is not None:
            self._fill(self._open, line)
            self._open.old_price = self._open.old_price or _old(line)
        if line.name and len(line.essence.split()) <= _HEADING_WORDS:
            self._heading = one

    def _fill(self, offer: Offer, line: Line) -> None:
        mine, more = offer.attributes, line.attributes
        own_stock = mine.availability if mine.availability != self._stock else None
        offer.attributes = Attributes(
            strength=mine.strength or more.strength,
            size=mine.size or more.size,
            form=mine.form or more.form,
            pack=mine.pack or more.pack,
            pack_count=mine.pack_count if mine.pack else more.pack_count,
            quantity=mine.quantity if mine.quantity is not None else more.quantity,
            expiry=mine.expiry or more.expiry,
            availability=own_stock or more.availability or mine.availability,
        )


def read_offers(lines: Sequence[NumberedLine]) -> list[Offer]:
    """Return what a post offers, in the order of its lines.

    Args:
        lines: the lines that have a letter or digit.
    """
    return sorted(_Reader(lines).read(), key=lambda offer: offer.number)


def believed(lines: Sequence[tuple[int, Line]]) -> list[NumberedLine]:
    """Decide which everyday words are products: those in lines that offer something.

    Such a line has a price, a strength, a form or a bullet, says that something is there, is nothing
    but the word, or is short and followed by a price.
    """
    decided: list[NumberedLine] = []
    for place, (number, line) in enumerate(lines):
        products = line.products
        if line.guarded and not line.footer:
            following = lines[place + 1][1] if place + 1 < len(lines) else None
            if _offers_something(line, following):
                products = with_everyday_words(line)
        decided.append(NumberedLine(number, line, products))
    return decided


def with_everyday_words(line: Line) -> tuple[Match, ...]:
    """Return a line's products with those that everyday words name."""
    if not line.guarded:
        return line.products
    return tuple(sorted((*line.products, *line.guarded), key=lambda match: match.start))


def _offers_something(line: Line, following: Line | None) -> bool:
    if line.asked or line.attributes.describes or line.attributes.availability is not None:
        return True
    short = len(line.essence.split()) <= _HEADING_WORDS
    if (short and line.bullet) or any(match.matched == line.essence for match in line.guarded):
        return True
    if short and following is not None and not following.footer:
        return bool(following.asked or following.attributes.quantity or following.attributes.expiry)
    return False


def _old(line: Line) -> Price | None:
    return next((price for price in line.prices if price.qualifier == "old_price"), None)
