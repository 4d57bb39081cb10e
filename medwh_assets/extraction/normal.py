"""One spelling for what people spell in many: characters, words and Amharic homophones.

`fold` keeps a text readable for the grammars, `words` makes what names are compared by, and
`letters_of` spells Ethiopic syllables as consonant and vowel, so that one wrong vowel is half an
error, as it is in Latin script.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

ETHIOPIC: Final = "\u1200-\u135a\u1380-\u138f\u2d80-\u2dde\uab01-\uab2e"

_INVISIBLE = dict.fromkeys(
    (
        *(0xAD, 0x34F, 0x61C, 0x20E3, 0xFEFF),
        *range(0x180B, 0x180F),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
    )
)
# Letters in boxes and circles, small capitals, and signs that stand for an ASCII one.
_LOOKS = {
    **{0x1F130 + n: chr(97 + n) for n in range(26)},
    **{0x1F150 + n: chr(97 + n) for n in range(26)},
    **{0x1F170 + n: chr(97 + n) for n in range(26)},
    **dict(zip(map(ord, "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ"), "abcdefghijklmnoprstuvwyz", strict=True)),
    **dict.fromkeys(map(ord, "‐‑‒–—―−﹣－"), "-"),
    **dict.fromkeys(map(ord, "×✕✖╳∗"), "x"),
    **dict.fromkeys(map(ord, "’‘ʼ`´"), "'"),
}
_TABLE = {**_INVISIBLE, **_LOOKS}
# Cyrillic and Greek letters that look like Latin ones: in words that are otherwise Latin.
_CONFUSED = dict(
    zip(
        map(ord, "АВЕЅІЈКМНОРСТХУаеѕіјорсхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧαιονρχ"),
        "ABESIJKMHOPCTXYaesijopcxyABEZHIKMNOPTYXaiovpx",
        strict=True,
    )
)
_OTHER = r"\u0370-\u03ff\u0400-\u04ff"
_MIXED_WORD = re.compile(
    rf"(?:[A-Za-z]{{1,40}}[{_OTHER}]|[{_OTHER}]{{1,40}}[A-Za-z])[A-Za-z{_OTHER}]*"
)
_TIMES = re.compile(r"(?<=\d)[ \t]?\*{1,3}[ \t]?(?=\d)")
_MARKUP = re.compile(r"\*\*+|__+|~~+|``+")
_WORD = re.compile(rf"[a-z]+|[0-9]+(?:[.,][0-9]+)*|[{ETHIOPIC}]+")
_ANY_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"(?<=[a-z])'(?=[a-z])")


def _rows(*pairs: str) -> dict[int, str]:
    """Map series of Ethiopic syllables (eight vowels each) onto the series that sounds the same."""
    table: dict[int, str] = {}
    for pair in pairs:
        kept, *others = (ord(letter) for letter in pair)
        for other in others:
            table |= {other + vowel: chr(kept + vowel) for vowel in range(7)}
    return table


_HOMOPHONES: Final = {
    **_rows("ሀሐኀኸ", "ሰሠ", "አዐ", "ጸፀ"),
    # Of these two consonants the first and the fourth vowel sound alike.
    **dict.fromkeys(map(ord, "ሃሓኃኻ"), "ሀ"),
    **dict.fromkeys(map(ord, "ኣዓ"), "አ"),
    # Labialised syllables that are also written plainly.
    **dict(zip(map(ord, "ኰቈጐኈዉ"), "ኮቆጎሆው", strict=True)),
}
_VOWELS = ("e", "u", "i", "a", "y", "-", "o", "w")


def pattern(expression: str) -> re.Pattern[str]:
    """Compile an expression for spelt texts: its Amharic is spelt as theirs is."""
    return re.compile(expression.translate(_HOMOPHONES))


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return a text in plain characters: compatible forms, no marks that nobody sees, no markup."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_TABLE)).translate(_TABLE)
        text = _MIXED_WORD.sub(lambda word: word.group().translate(_CONFUSED), text)
    if "*" in text or "_" in text or "~" in text or "`" in text:
        text = _MARKUP.sub("", _TIMES.sub("x", text))
    return text


class _Plain(dict[int, str]):
    """Each character as words are compared by it, worked out when it first comes up."""

    def __missing__(self, code: int) -> str:
        letter = chr(code).lower()[0]
        if 0x1200 <= code < 0x1380:
            plain = _HOMOPHONES.get(code, letter)
        else:
            base = unicodedata.normalize("NFD", letter)[0]
            plain = base if base.isascii() else letter
        self[code] = plain
        return plain


_PLAIN = _Plain()


def spell(folded: str) -> str:
    """Return a folded text as its words are compared, character by character: same positions."""
    return folded.lower() if folded.isascii() else folded.translate(_PLAIN)


def words(spelt: str) -> list[re.Match[str]]:
    """Return the words of a spelt text: letters and digits apart, `b12` is `b` and `12`."""
    return list(_WORD.finditer(spelt))


def key_of(name: str) -> str:
    """Return a name as it is looked up: its words, blanks between."""
    return " ".join(_WORD.findall(_APOSTROPHE.sub("", spell(fold(name)))))


def joined_apostrophes(spelt: str) -> str:
    """Close up `john's`, with a blank behind the word so that positions stay."""
    if "'" not in spelt:
        return spelt
    return re.sub(r"'([a-z]+)", r"\1 ", spelt)


@lru_cache(maxsize=65536)
def letters_of(word: str) -> str:
    """Spell Ethiopic syllables as consonant and vowel; other words stay."""
    if word.isascii():
        return word
    parts: list[str] = []
    for syllable in word:
        code = ord(syllable)
        if 0x1200 <= code < 0x1380:
            parts += (chr((code - 0x1200) // 8 * 8 + 0x1200), _VOWELS[(code - 0x1200) % 8])
        else:
            parts.append(syllable)
    return "".join(parts)


def essence_of_spelt(spelt: str) -> str:
    """Return what two copies of a text share: its words and numbers, in small letters."""
    return " ".join(_ANY_WORD.findall(spelt))


def line_hash(essential: str) -> int:
    """Hash a line's essence into what a bigint holds."""
    digest = hashlib.blake2b(essential.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def text_hash(essentials: Iterable[str]) -> str | None:
    """Hash the essences of a text's lines into 32 hex digits; None if nothing is left of them."""
    whole = " ".join(essential for essential in essentials if essential)
    if not whole:
        return None
    return hashlib.blake2b(whole.encode("utf-8", "replace"), digest_size=16).hexdigest()
