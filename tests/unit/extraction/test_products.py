from pathlib import Path

import pytest
from pydantic import SecretStr

from medwh_assets.errors import SettingError
from medwh_assets.extraction.normal import fold, joined_apostrophes, spell, words
from medwh_assets.extraction.post import Extractor
from medwh_assets.extraction.products import Match, Matcher
from medwh_assets.extraction.vocabulary import load_vocabulary
from tests.unit.extraction.conftest import SEEDS


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(load_vocabulary(SEEDS))


def find(matcher: Matcher, line: str) -> list[Match]:
    spelt = spell(fold(line))
    found = words(joined_apostrophes(spelt))
    return matcher.find(spelt, found, f" {' '.join(word.group() for word in found)} ")


def keys(matcher: Matcher, line: str) -> list[str]:
    return [match.product_key for match in find(matcher, line)]


@pytest.mark.parametrize(
    ("line", "method", "alias_type"),
    [
        ("Warfarin 5mg", "exact", "name"),
        ("Coumadin 5mg", "alias", "brand"),
        ("ዋርፋሪን", "alias", "amharic"),
        ("Warferin 5mg", "fuzzy", "name"),
    ],
)
def test_a_match_says_how_it_was_found(
    matcher: Matcher, line: str, method: str, alias_type: str
) -> None:
    [match] = find(matcher, line)
    assert (match.product_key, match.method, match.alias_type) == ("warfarin", method, alias_type)
    assert (match.score < 1) == (method == "fuzzy")


def test_the_longest_name_wins(matcher: Matcher) -> None:
    assert keys(matcher, "insulin glargine") == ["insulin_glargine"]
    assert keys(matcher, "cod liver oil") == ["cod_liver_oil"]


def test_a_name_is_found_only_as_a_whole_word(matcher: Matcher) -> None:
    assert keys(matcher, "ironing board") == []
    assert keys(matcher, "የአስፕሪን") == ["aspirin"]
    assert keys(matcher, "ኢንሱሊናዊ") == []


def test_letters_and_digits_part_words(matcher: Matcher) -> None:
    assert keys(matcher, "Warfarin5mg") == ["warfarin"]
    assert keys(matcher, "2xPTU100mg") == []
    assert keys(matcher, "PTU100mg") == ["propylthiouracil"]


def test_parts_that_stand_together_are_their_combination(matcher: Matcher) -> None:
    assert keys(matcher, "Budesonide 200mcg + formoterol 6mcg") == ["budesonide_and_formoterol"]
    assert keys(matcher, "Budesonide 200mcg 90 birr, formoterol") == ["budesonide", "formoterol"]


def test_a_brand_steps_back_behind_its_own_product(matcher: Matcher) -> None:
    assert keys(matcher, "Eucerin new Dermopure gel") == ["eucerin_dermopure"]


def test_a_trap_is_no_misspelling(seeds: Path) -> None:
    matcher = Matcher(load_vocabulary(seeds))
    assert keys(matcher, "amoxicillan") == ["amoxicillin"]
    assert keys(matcher, "amoxicillon") == []


def test_short_words_are_never_misspellings(matcher: Matcher) -> None:
    assert keys(matcher, "zink irom orz") == []


def test_the_vocabulary_has_at_least_600_products_and_amharic_names() -> None:
    vocabulary = load_vocabulary(SEEDS)
    assert len({alias.product_key for alias in vocabulary.aliases.values()}) >= 600
    assert sum(alias.alias_type == "amharic" for alias in vocabulary.aliases.values()) >= 300


def test_every_name_of_the_vocabulary_finds_its_own_product(matcher: Matcher) -> None:
    vocabulary = load_vocabulary(SEEDS)
    lost = [
        alias.name
        for alias in vocabulary.aliases.values()
        if alias.product_key not in keys(matcher, alias.name)
    ]
    assert lost == []


def test_no_trap_is_a_name() -> None:
    vocabulary = load_vocabulary(SEEDS)
    assert vocabulary.traps.isdisjoint(vocabulary.aliases)


def test_a_line_of_csv_changes_the_version_and_line_ends_do_not(seeds: Path) -> None:
    before = load_vocabulary(seeds).version
    file = seeds / "product_vocabulary.csv"
    text = file.read_text()
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert load_vocabulary(seeds).version == before
    file.write_text(text + "iron,Iron,supplement,,true\n")
    assert load_vocabulary(seeds).version != before


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("product_aliases.csv", "x,nothing,synonym,false", "not in product_vocabulary.csv"),
        ("product_aliases.csv", "x,zinc,wrong,false", "alias type"),
        ("product_aliases.csv", "Honey,zinc,synonym,false", "both honey and zinc"),
        ("product_aliases.csv", "!!,zinc,synonym,false", "no letter"),
        ("product_aliases.csv", "x,zinc", "line 3"),
        ("product_vocabulary.csv", "zinc,Zink,supplement,,false", "twice"),
        ("product_vocabulary.csv", "both,Both,supplement,zinc;gold,false", "gold"),
    ],
)
def test_a_malformed_seed_is_told_by_name(seeds: Path, file: str, line: str, message: str) -> None:
    with (seeds / file).open("a") as out:
        out.write(line + "\n")
    with pytest.raises(SettingError, match=message):
        load_vocabulary(seeds)


def test_a_missing_seed_is_told_by_name(seeds: Path) -> None:
    (seeds / "product_traps.csv").unlink()
    with pytest.raises(SettingError, match=r"product_traps\.csv"):
        load_vocabulary(seeds)


def test_rules_vocabulary_and_pepper_stand_in_the_version(seeds: Path) -> None:
    vocabulary = load_vocabulary(seeds)
    one = Extractor(vocabulary, SecretStr("one pepper of many"))
    other = Extractor(vocabulary, SecretStr("another pepper, then"))
    assert vocabulary.version in one.version
    assert one.version != other.version
    assert "pepper" not in one.version
