"""What kind of post it is: something for sale, health education, a training, a vacancy, or other.

Each line votes by its words; lines that are footer do not, because a pharmacy's tip has the footer
of its offers. A vacancy and a training are told by their own words, whatever they cost; then it is
between selling and telling.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from medwh_assets.extraction.lexicon import Hits

PostKind = Literal["sale", "education", "training", "vacancy", "other"]

# One long line of prose tells more than it sells.
_PROSE_LETTERS: Final = 90
_MOST_PER_LINE: Final = 3


@dataclass(frozen=True, slots=True)
class Votes:
    """How much speaks for each kind."""

    sale: int = 0
    education: int = 0
    training: int = 0
    vacancy: int = 0
    not_ours: int = 0


def votes_of(hits: Hits, letters: int) -> Votes:
    """Return a line's votes by its words.

    Args:
        hits: what the lexicon found in the line.
        letters: how many letters it has.
    """

    def count(meaning: str) -> int:
        return min(len(hits.get(meaning, ())), _MOST_PER_LINE)

    return Votes(
        sale=2 * count("sale_strong") + count("sale_weak"),
        education=count("education") + (letters >= _PROSE_LETTERS),
        training=2 * count("training_strong") + count("training_weak"),
        vacancy=3 * count("vacancy_strong") + count("vacancy_weak"),
        not_ours=count("not_ours"),
    )


def total(votes: Iterable[Votes], *, prices: int, items: int, products: int) -> Votes:
    """Add the lines' votes up, with what was found in them.

    Args:
        votes: of the lines that are no footer.
        prices: how many prices of offers.
        items: how many lines that look like an item of a list.
        products: how many lines that name a product.
    """
    sale = education = training = vacancy = not_ours = 0
    for one in votes:
        sale += one.sale
        education += one.education
        training += one.training
        vacancy += one.vacancy
        not_ours += one.not_ours
    sale += 3 * min(prices, 5) + min(items, 6) + (2 if (products and items) or products >= 3 else 0)
    return Votes(sale, education, training, vacancy, not_ours)


def kind_of(votes: Votes) -> PostKind:
    """Decide on a post's kind."""
    if votes.vacancy >= 3 and votes.vacancy >= votes.training:
        return "vacancy"
    if votes.training >= 4 and 2 * votes.training >= votes.sale:
        return "training"
    if votes.not_ours:
        return "other"
    if votes.sale >= 2 and votes.sale > votes.education:
        return "sale"
    return "education" if votes.education >= 2 else "other"
