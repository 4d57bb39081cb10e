"""The vocabulary: what there is to find, by which names, and what only looks like one.

Three of dbt's seeds hold it, so an analyst adds a product by a line of CSV. Their contents make its
version; slices that were read with another one are due again.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from medwh_assets.errors import SettingError
from medwh_assets.extraction.normal import key_of

AliasType = Literal["name", "synonym", "brand", "abbreviation", "amharic"]
_TYPES: Mapping[str, AliasType] = {
    "synonym": "synonym", "brand": "brand", "abbreviation": "abbreviation", "amharic": "amharic",
}  # fmt: skip

PRODUCTS = "product_vocabulary.csv"
ALIASES = "product_aliases.csv"
TRAPS = "product_traps.csv"
_COLUMNS = {
    PRODUCTS: {"product_key", "product_name", "category", "components", "guarded"},
    ALIASES: {"alias", "product_key", "alias_type", "guarded"},
    TRAPS: {"term"},
}


class _Digest(Protocol):
    """What the seeds' contents go into."""

    def update(self, data: bytes, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Alias:
    """One name of one product.

    Attributes:
        name: as the seed spells it.
        key: as it is looked up.
        product_key: the product.
        alias_type: `name` for the product's own.
        guarded: whether it is also an everyday word, which counts only where something is offered.
        category: the product's.
    """

    name: str
    key: str
    product_key: str
    alias_type: AliasType
    guarded: bool
    category: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All names, combinations and traps.

    Attributes:
        version: twelve hex digits of the seeds' contents.
        aliases: by key.
        combinations: products that are made of others, with their parts.
        traps: keys of words that fuzzy matching leaves alone.
    """

    version: str
    aliases: Mapping[str, Alias]
    combinations: Mapping[str, frozenset[str]]
    traps: frozenset[str]


def load_vocabulary(seeds: Path) -> Vocabulary:
    """Read the vocabulary.

    Args:
        seeds: the folder of the three files.

    Raises:
        SettingError: a file is missing, lacks a column, or names a product that is not there.
    """
    digest = hashlib.sha256()
    categories: dict[str, str] = {}
    aliases: dict[str, Alias] = {}
    combinations: dict[str, frozenset[str]] = {}
    for row in _rows(seeds / PRODUCTS, digest):
        product = row["product_key"]
        if product in categories:
            raise SettingError(f"{PRODUCTS} has the product {product} twice")
        categories[product] = row["category"]
        if row["components"]:
            combinations[product] = frozenset(row["components"].split(";"))
        _add(aliases, row["product_name"], product, "name", row, categories)
    for row in _rows(seeds / ALIASES, digest):
        product, alias_type = row["product_key"], _TYPES.get(row["alias_type"])
        if product not in categories:
            raise SettingError(f"{ALIASES} names {product}, which is not in {PRODUCTS}")
        if alias_type is None:
            raise SettingError(f"{ALIASES} has the alias type {row['alias_type']!r}")
        _add(aliases, row["alias"], product, alias_type, row, categories)
    for product, parts in combinations.items():
        if unknown := parts - categories.keys():
            raise SettingError(f"{PRODUCTS}: {product} is made of {', '.join(sorted(unknown))}")
    traps = frozenset(key_of(row["term"]) for row in _rows(seeds / TRAPS, digest))
    return Vocabulary(digest.hexdigest()[:12], aliases, combinations, traps)


def _add(
    aliases: dict[str, Alias],
    name: str,
    product: str,
    alias_type: AliasType,
    row: Mapping[str, str],
    categories: Mapping[str, str],
) -> None:
    key = key_of(name)
    if not key:
        raise SettingError(f"{name!r}, a name of {product}, has no letter")
    known = aliases.get(key)
    if known is not None and known.product_key != product:
        raise SettingError(f"{name!r} is a name of both {known.product_key} and {product}")
    guarded = row["guarded"] == "true"
    aliases.setdefault(key, Alias(name, key, product, alias_type, guarded, categories[product]))


def _rows(file: Path, digest: _Digest) -> Iterator[dict[str, str]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{file.name} of the vocabulary cannot be read: {error}") from error
    # What an editor changes about line ends is no change of the vocabulary.
    lines = text.splitlines()
    digest.update("\n".join([file.name, *lines, ""]).encode())
    reader = csv.DictReader(lines)
    if absent := _COLUMNS[file.name] - set(reader.fieldnames or ()):
        raise SettingError(f"{file.name} lacks the column {', '.join(sorted(absent))}")
    for number, row in enumerate(reader, start=2):
        if None in row or None in row.values():
            raise SettingError(f"{file.name}, line {number}: not as many fields as the first line")
        yield {name: value.strip() for name, value in row.items()}
