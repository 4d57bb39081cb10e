"""Which language a text is in, by its script: Amharic, English, mixed or none.

Shares of letters, after phone numbers, links and handles are taken out. Other languages in Latin
script count as English, other languages in Ethiopic script as Amharic: the channels use those two.
"""

import re
from typing import Final, Literal

from medwh_assets.extraction.normal import ETHIOPIC
from medwh_assets.phones import MASK

Language = Literal["am", "en", "mixed", "none"]

# Fewer letters than this say nothing.
FEWEST_LETTERS: Final = 3
# Brands and units stand in Latin letters in Amharic texts, so the two ends are not alike.
AMHARIC_SHARE: Final = 0.7
ENGLISH_SHARE: Final = 0.1

_ETHIOPIC = re.compile(f"[{ETHIOPIC}]")
_LATIN = re.compile("[A-Za-z]")
NOT_PROSE: Final = re.compile(
    rf"{re.escape(MASK)}|https?://\S{{1,300}}|\b(?:www\.|t\.me/)\S{{1,300}}|[@#][A-Za-z0-9_]{{3,40}}"
    r"|\b[\w.-]{1,60}@[\w-]{1,60}\.[a-z]{2,10}\b"
)


def count_letters(folded: str) -> tuple[int, int]:
    """Count Ethiopic and Latin letters, without those of phone marks, links, handles and tags."""
    rest = NOT_PROSE.sub(" ", folded)
    if rest.isascii():
        return 0, len(_LATIN.findall(rest))
    return len(_ETHIOPIC.findall(rest)), len(_LATIN.findall(rest))


def language_of(ethiopic: int, latin: int) -> Language:
    """Return the language of a text with so many letters of either script."""
    letters = ethiopic + latin
    if letters < FEWEST_LETTERS:
        return "none"
    if ethiopic >= AMHARIC_SHARE * letters:
        return "am"
    return "en" if ethiopic <= ENGLISH_SHARE * letters else "mixed"
