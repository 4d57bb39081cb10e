"""How well products, prices and offers are read: precision and recall over the gold set.

The answers are what a person who knows the trade would write down, also where the rules cannot: a
price that only its place gives away, a name spelt with blanks between its letters.
"""

import json
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from medwh_assets.extraction.post import Extractor
from medwh_assets.extraction.vocabulary import load_vocabulary

HERE = Path(__file__).parent
SEEDS = HERE.parents[1] / "medwh_dbt" / "seeds"


@dataclass
class Score:
    """How many answers were right, wrong and missing."""

    right: int = 0
    wrong: int = 0
    missing: int = 0
    mistakes: list[str] = field(default_factory=list[str])

    def add(self, text: str, found: Counter[Hashable], answer: Counter[Hashable]) -> None:
        self.right += (found & answer).total()
        self.wrong += (found - answer).total()
        self.missing += (answer - found).total()
        if found != answer:
            self.mistakes.append(f"{text[:70]!r}: found {set(found)}, right is {set(answer)}")

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missing)

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.3f}, recall {self.recall:.3f} "
            f"({self.right} right, {self.wrong} wrong, {self.missing} missing)"
        )


def cases(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((HERE / f"{name}.yaml").read_text("utf-8"))


def answers(case: Mapping[str, Any]) -> dict[str, Counter[Hashable]]:
    """Return the right answers: what is not said of a line is that there is nothing."""
    offers = [tuple(offer) for offer in case.get("offers", [])]
    named = {*case.get("products", []), *(product for product, _ in offers if product)}
    asked = case.get("prices", [price for _, price in offers if price is not None])
    return {
        "products": Counter(named),
        "prices": Counter(Decimal(str(price)) for price in asked),
        "offers": Counter(
            (product, None if price is None else Decimal(str(price))) for product, price in offers
        ),
    }


@dataclass(frozen=True)
class Read:
    """The scores over the whole set, and the posts whose kind or language was read wrongly."""

    scores: Mapping[str, Score]
    kinds: list[str]
    languages: list[str]


@pytest.fixture(scope="module")
def read() -> Read:
    """The gold set, read once."""
    extractor = Extractor(load_vocabulary(SEEDS), SecretStr("gold"))
    scores = {what: Score() for what in ("products", "prices", "offers")}
    kinds: list[str] = []
    languages: list[str] = []
    for case in [*cases("lines"), *cases("posts")]:
        text, said = case["text"], extractor.extract(case["text"])
        candidates, offers = json.loads(said.candidates), json.loads(said.offers)
        right = answers(case)
        # A line that is there for its price alone says nothing of products, and the other way round.
        whole = "offers" in case or not ({"products", "prices"} & case.keys())
        if whole or "products" in case:
            found = {
                match["product_key"] for one in candidates for match in one.get("products", [])
            }
            scores["products"].add(text, Counter(found), right["products"])
        asked = [
            Decimal(price["amount"])
            for one in candidates
            for price in one.get("prices", [])
            if "qualifier" not in price
        ]
        scores["prices"].add(text, Counter(asked), right["prices"])
        if "offers" in case:
            pairs = [
                (one.get("product_key"), Decimal(one["price"]) if "price" in one else None)
                for one in offers
            ]
            scores["offers"].add(text, Counter(pairs), right["offers"])
        if said.post_kind != case.get("kind", said.post_kind):
            kinds.append(f"{text[:60]!r} is {case['kind']}, not {said.post_kind}")
        if said.language != case.get("language", said.language):
            languages.append(f"{text[:60]!r} is {case['language']}, not {said.language}")
    return Read(scores, kinds, languages)


def told(read: Read, what: str) -> Score:
    score = read.scores[what]
    print(f"\n{what}: {score}", *score.mistakes, sep="\n  ")
    return score


def test_the_set_has_at_least_three_hundred_cases() -> None:
    assert len(cases("lines")) + len(cases("posts")) >= 300


def test_products_are_found_and_nothing_else_is(read: Read) -> None:
    score = told(read, "products")
    assert score.precision >= 0.95
    assert score.recall >= 0.85


def test_prices_are_found_and_no_other_amount_is(read: Read) -> None:
    score = told(read, "prices")
    assert score.precision >= 0.97
    assert score.recall >= 0.90


def test_products_and_their_prices_are_put_together(read: Read) -> None:
    score = told(read, "offers")
    assert score.precision >= 0.93
    assert score.recall >= 0.93


def test_kinds_of_posts_and_their_languages_are_told(read: Read) -> None:
    print("", *read.kinds, *read.languages, sep="\n  ")
    posts = len(cases("posts"))
    assert len(read.kinds) <= 0.05 * posts
    assert len(read.languages) <= 0.05 * posts
