"""Which products a line names: every name at once by Aho-Corasick, misspellings by edit distance.

Misspellings are compared with the vocabulary, never with each other: a word of six letters or more
that is no name itself is the nearest name if at most an eighth of its letters differ, in the spelling
as it stands or by sound (`ph` is `f`, `th` is `t`). Long names of substances may differ by two
letters if they begin alike. Names of everyday things are nearly English words, so they get less room.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, Literal

import ahocorasick
from rapidfuzz import process
from rapidfuzz.distance import OSA

from medwh_assets.extraction.normal import letters_of
from medwh_assets.extraction.vocabulary import Alias, Vocabulary

Method = Literal["exact", "alias", "fuzzy"]

SHORTEST_FUZZY: Final = 6
NEAREST: Final = 0.875
_SHORTEST_ETHIOPIC: Final = 4
_SHORT_ETHIOPIC: Final = 5
_SHORTEST_PHRASE: Final = 9
_TWO_ERRORS_FROM: Final = 10
_LONGEST_WORD: Final = 40
_SAME_START: Final = 3
_SHORTEST_SOUND: Final = 6
# Names of substances and brands of them are no English words; names of things nearly are.
_UNLIKE_ENGLISH: Final = frozenset({"medicine", "supplement"})

# What Amharic puts before and behind a noun.
_PREFIXES: Final = ("የ", "ለ", "በ", "ከ", "ስለ", "እነ", "ከነ", "ያለ", "እንደ", "")
_SUFFIXES: Final = frozenset(
    (
        *("", "ን", "ና", "ም", "ው", "ዋ", "ኑ", "ዎ", "ዎን", "ዎች", "ዎችን", "ዎችና", "ኦች", "ኦችን", "ች"),
        *("ችን", "ዬ", "ዎም", "ንም", "ውን", "ውና", "ችና", "ኖች", "ቶች", "ሮች", "ሮችን", "ቶችን", "ዮች", "ዮችን"),
        *("ያዎች", "ሎች", "ሞች"),
    )
)
# Between the parts of a combination.
_JOINED = re.compile(
    r"\s*(?:\(?\s*\d[\d.,]{0,8}\s?(?:mg|mcg|iu|gm?|%)\)?\s*)?(?:[+/&-]|and\b|with\b|plus\b|እና|w/)?\s*"
)
_SOUND = (
    ("ph", "f"), ("th", "t"), ("ck", "k"), ("qu", "k"), ("x", "ks"), ("y", "i"), ("c", "k"),
    ("z", "s"), ("ou", "u"), ("ae", "e"), ("oe", "e"),
)  # fmt: skip
_DOUBLE = re.compile(r"(.)\1+")


@dataclass(frozen=True, slots=True)
class Match:
    """A product that a line names.

    Attributes:
        product_key: the product.
        matched: the words of the line, as compared.
        method: `exact` for its own name, `alias` for another, `fuzzy` for a misspelling.
        alias: the name that it is, as the vocabulary spells it.
        alias_type: of that name.
        score: 1, or the similarity of a misspelling.
        guarded: whether the name counts only where something is offered.
        start: where it begins in the line.
        end: where it ends.
    """

    product_key: str
    matched: str
    method: Method
    alias: str
    alias_type: str
    score: float
    guarded: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Span:
    """Words from first to last that are an alias."""

    first: int
    last: int
    alias: Alias
    score: float


class Matcher:
    """Finds the products of one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Build the automaton and the indexes; takes a tenth of a second."""
        self._vocabulary = vocabulary
        # The package has no types.
        self._automaton: Any = getattr(ahocorasick, "Automaton")()  # noqa: B009
        for alias in vocabulary.aliases.values():
            for key in _searched(alias.key, vocabulary):
                self._automaton.add_word(key, (len(key), alias))
        self._automaton.make_automaton()
        self._by_parts = {parts: product for product, parts in vocabulary.combinations.items()}
        self._singles = _singles(vocabulary)
        self._phrases = _phrases(vocabulary)
        # A word has one answer, and most words come again.
        self._nearest = lru_cache(maxsize=200_000)(self._find_nearest)

    def find(self, spelt: str, found: Sequence[re.Match[str]], padded: str) -> list[Match]:
        """Return the products that a line names, in order, each once.

        Args:
            spelt: the line as `normal.spell` returns it.
            found: its words.
            padded: its words with a blank before, between and behind them.
        """
        if not found:
            return []
        texts = [word.group() for word in found]
        spans = self._exact(texts, padded)
        covered = {index for span in spans for index in range(span.first, span.last + 1)}
        if len(covered) < len(texts):
            spans += self._fuzzy(texts, covered)
        if not spans:
            return []
        spans.sort(key=lambda span: span.first)
        matches = [_match(span, texts, found) for span in spans]
        return self._combined(_without_parents(_each_once(matches)), spelt)

    def _exact(self, texts: Sequence[str], padded: str) -> list[_Span]:
        hits = [
            (end - length + 1, end, alias) for end, (length, alias) in self._automaton.iter(padded)
        ]
        if not hits:
            return []
        # Each word's place in the padded text, to turn places into numbers of words.
        starts = [1]
        for text in texts:
            starts.append(starts[-1] + len(text) + 1)
        spans: list[_Span] = []
        taken = bytearray(len(texts))
        for start, end, alias in sorted(hits, key=lambda hit: (hit[0] - hit[1], hit[0])):
            if padded[start] == " ":
                start, end = start + 1, end - 1
            first = bisect_left(starts, start + 1) - 1
            last = bisect_left(starts, end + 1) - 1
            if any(taken[first : last + 1]):
                continue
            before = padded[starts[first] : start]
            behind = padded[end + 1 : starts[last] + len(texts[last])]
            if not alias.key.isascii() and (before not in _PREFIXES or behind not in _SUFFIXES):
                continue
            spans.append(_Span(first, last, alias, 1.0))
            taken[first : last + 1] = b"\x01" * (last - first + 1)
        return spans

    def _fuzzy(self, texts: Sequence[str], covered: set[int]) -> list[_Span]:
        spans: list[_Span] = []
        for index, text in enumerate(texts):
            if index in covered:
                continue
            near = self._phrase(texts, index, covered)
            if near is None and _may_be_misspelt(text):
                alias = self._nearest(text)
                near = None if alias is None else _Span(index, index, *alias)
            if near is not None:
                spans.append(near)
                covered |= set(range(near.first, near.last + 1))
        return spans

    def _phrase(self, texts: Sequence[str], index: int, covered: set[int]) -> _Span | None:
        """Find a name of several words around one of them that is spelt as it should be."""
        best: _Span | None = None
        for alias, parts, position in self._phrases.get(texts[index], ()):
            first = index - position
            last = first + len(parts) - 1
            if first < 0 or last >= len(texts) or not covered.isdisjoint(range(first, last + 1)):
                continue
            window = texts[first : last + 1]
            if not all(
                mine == theirs or _near_enough(mine, theirs)
                for mine, theirs in zip(window, parts, strict=True)
            ):
                continue
            score = OSA.normalized_similarity("".join(window), "".join(parts))
            if score >= NEAREST and (best is None or score > best.score):
                best = _Span(first, last, alias, score)
        return best

    def _find_nearest(self, word: str) -> tuple[Alias, float] | None:
        if word in self._vocabulary.traps:
            return None
        stems = _stems(word)
        if any(stem in self._vocabulary.traps for stem in stems):
            return None
        best: list[tuple[float, Alias]] = []
        for stem in stems:
            letters = letters_of(stem)
            names = self._singles.get(_bucket(letters))
            if names is None:
                continue
            for score, alias in names.near(letters):
                if not best or score >= best[0][0]:
                    if best and score > best[0][0]:
                        best.clear()
                    best.append((score, alias))
        products = {alias.product_key for _, alias in best}
        if len(products) != 1:
            return None
        score, alias = min(best, key=lambda one: one[1].key)
        return alias, round(min(score, 0.99), 3)

    def _combined(self, matches: list[Match], spelt: str) -> list[Match]:
        """Put a combination in the place of its parts where they stand together."""
        if len(matches) < 2:
            return matches
        for first in range(len(matches)):
            for last in range(len(matches) - 1, first, -1):
                parts = frozenset(match.product_key for match in matches[first : last + 1])
                product = self._by_parts.get(parts)
                if product and _stand_together(matches[first : last + 1], spelt):
                    head, tail = matches[first], matches[last]
                    whole = replace(
                        head,
                        product_key=product,
                        matched=" + ".join(m.matched for m in matches[first : last + 1]),
                        method="fuzzy" if "fuzzy" in (head.method, tail.method) else "alias",
                        alias_type="synonym",
                        score=min(m.score for m in matches[first : last + 1]),
                        guarded=False,
                        end=tail.end,
                    )
                    return [*matches[:first], whole, *matches[last + 1 :]]
        return matches


def _searched(key: str, vocabulary: Vocabulary) -> Iterable[str]:
    """Return what is searched for: whole words, and the plural of an English name."""
    if not key.isascii():
        yield key
        return
    yield f" {key} "
    last = key.rpartition(" ")[2]
    if last.isalpha() and len(last) >= 4 and not last.endswith("s"):
        plural = f"{key}s"
        if plural not in vocabulary.aliases:
            yield f" {plural} "


def _may_be_misspelt(word: str) -> bool:
    if word.isascii():
        return word.isalpha() and SHORTEST_FUZZY <= len(word) <= _LONGEST_WORD
    return _SHORTEST_ETHIOPIC <= len(word) <= _LONGEST_WORD


def _bucket(letters: str) -> tuple[str, bool]:
    return letters[0], letters.isascii()


class _Names:
    """The names of one word that begin with the same letter."""

    def __init__(self, names: Sequence[tuple[str, Alias]]) -> None:
        self._letters = [_without_end(letters) for letters, _ in names]
        self._aliases = [alias for _, alias in names]
        self._lax = [_has_room(letters, alias) for letters, alias in names]
        self._sounds = [
            _sound(letters) if lax else None
            for letters, lax in zip(self._letters, self._lax, strict=True)
        ]

    def near(self, letters: str) -> list[tuple[float, Alias]]:
        """Return the names that a word may be a misspelling of, with how alike they are."""
        found: list[tuple[float, Alias]] = []
        letters = _without_end(letters)
        for _, score, place in process.extract(
            letters, self._letters, scorer=OSA.normalized_similarity, score_cutoff=0.8, limit=None
        ):
            name = self._letters[place]
            if score >= NEAREST:
                if name.isascii() or _same_consonants(letters, name):
                    found.append((score, self._aliases[place]))
            elif self._lax[place] and _differs_by_two(letters, name):
                found.append((score, self._aliases[place]))
        if not found and letters.isascii():
            heard = _sound(letters)
            if len(heard) >= _SHORTEST_SOUND:
                found = [
                    (0.8, self._aliases[place])
                    for _, _, place in process.extract(
                        heard, self._sounds, scorer=OSA.normalized_similarity,
                        score_cutoff=NEAREST, limit=None,
                    )
                ]  # fmt: skip
        return found


def _singles(vocabulary: Vocabulary) -> dict[tuple[str, bool], _Names]:
    """Group the names of one word by their first letter."""
    grouped: dict[tuple[str, bool], list[tuple[str, Alias]]] = {}
    for key, alias in sorted(vocabulary.aliases.items()):
        if " " in key or not _may_be_misspelt(key):
            continue
        if alias.guarded and alias.category not in _UNLIKE_ENGLISH:
            continue
        letters = letters_of(key)
        grouped.setdefault(_bucket(letters), []).append((letters, alias))
    return {bucket: _Names(names) for bucket, names in grouped.items()}


def _has_room(letters: str, alias: Alias) -> bool:
    """Whether a name is unlike any English word, so that it may be further from its misspelling."""
    return (
        letters.isascii()
        and alias.category in _UNLIKE_ENGLISH
        and alias.alias_type != "brand"
        and not alias.guarded
    )


def _without_end(letters: str) -> str:
    """Drop a silent end: `azithromycine`."""
    return letters[:-1] if letters.isascii() and letters.endswith("e") else letters


def _same_consonants(letters: str, name: str) -> bool:
    """Whether two Ethiopic words differ in vowels only, which short ones must."""
    return len(name) > 2 * _SHORT_ETHIOPIC or letters[::2] == name[::2]


def _differs_by_two(letters: str, name: str) -> bool:
    return (
        max(len(letters), len(name)) >= _TWO_ERRORS_FROM
        and letters[:_SAME_START] == name[:_SAME_START]
        and OSA.distance(letters, name, score_cutoff=2) <= 2
    )


def _phrases(vocabulary: Vocabulary) -> dict[str, list[tuple[Alias, list[str], int]]]:
    """List the names of several words under each of these words that is long enough to tell."""
    listed: dict[str, list[tuple[Alias, list[str], int]]] = {}
    for key, alias in sorted(vocabulary.aliases.items()):
        parts = key.split()
        if len(parts) == 1 or alias.guarded or len(key) < _SHORTEST_PHRASE:
            continue
        for position, part in enumerate(parts):
            if len(part) >= 3:
                listed.setdefault(part, []).append((alias, parts, position))
    return listed


def _near_enough(word: str, part: str) -> bool:
    """Whether a word of a phrase may be a misspelling of its part."""
    word, part = letters_of(word), letters_of(part)
    if len(part) < 4 or part[0] != word[0] or part.isdigit() or word.isdigit():
        return False
    return OSA.distance(word, part, score_cutoff=2) <= (1 if len(part) < 8 else 2)


def _stems(word: str) -> list[str]:
    """Return a word with and without what Amharic puts around it."""
    if word.isascii():
        return [word]
    stems = [word]
    for prefix in _PREFIXES:
        if word.startswith(prefix):
            rest = word[len(prefix) :]
            for suffix in sorted(_SUFFIXES):
                if rest.endswith(suffix):
                    stem = rest[: len(rest) - len(suffix)]
                    if len(stem) >= _SHORTEST_ETHIOPIC and stem not in stems:
                        stems.append(stem)
    return stems


@lru_cache(maxsize=200_000)
def _sound(word: str) -> str:
    """Spell a word roughly as it sounds."""
    for written, heard in _SOUND:
        word = word.replace(written, heard)
    word = _DOUBLE.sub(r"\1", word)
    return word.removesuffix("e")


def _match(span: _Span, texts: Sequence[str], found: Sequence[re.Match[str]]) -> Match:
    alias = span.alias
    method: Method = "exact" if alias.alias_type == "name" else "alias"
    return Match(
        product_key=alias.product_key,
        matched=" ".join(texts[span.first : span.last + 1]),
        method=method if span.score == 1 else "fuzzy",
        alias=alias.name,
        alias_type=alias.alias_type,
        score=span.score if span.score == 1 else round(min(span.score, 0.99), 3),
        guarded=alias.guarded,
        start=found[span.first].start(),
        end=found[span.last].end(),
    )


def _each_once(matches: list[Match]) -> list[Match]:
    """Keep a product's first match, or a later one by a name that is no everyday word."""
    kept: dict[str, Match] = {}
    for match in matches:
        known = kept.get(match.product_key)
        if known is None or (known.guarded and not match.guarded):
            kept[match.product_key] = match
    return sorted(kept.values(), key=lambda match: match.start)


def _without_parents(matches: list[Match]) -> list[Match]:
    """Leave a brand out where one of its own products is named: keys say what belongs to what."""
    if len(matches) < 2:
        return matches
    keys = [match.product_key for match in matches]
    return [
        match
        for match in matches
        if not any(key.startswith(f"{match.product_key}_") for key in keys)
    ]


def _stand_together(matches: Sequence[Match], spelt: str) -> bool:
    return all(
        _JOINED.fullmatch(spelt, one.end, other.start) is not None
        for one, other in pairwise(matches)
    )
