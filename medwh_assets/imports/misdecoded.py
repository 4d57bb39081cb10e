"""Tell text that was decoded wrongly before it was saved, without mending it.

UTF-8 that was read as Windows-1252, Latin-1, Windows-1250 or Windows-1254 has signs that no
language writes: the letter that stands for a first byte, then the characters for the bytes after
it. `ሰላም` becomes `áˆ°áˆ‹áˆ`, a pill `ðŸ’Š`, an apostrophe `â€™`, an `é` `Ã©`. One such sign is
enough where nobody would ever write it (`áˆ`, `ðŸ`, `â€`, `Ã©`); where a real text could hold it once
by chance (`É»` in `«MARCHÉ»`, `é` before a no-break space and `»`) it must stand twice in a row.

Lost for good is a text that consists mostly of `???` or of U+FFFD where its words were.
"""

import re

# What stands for the bytes 0x80 to 0xBF: in Latin-1 the first 32 are control characters; in
# Windows-1252 and its kin five have no character and became U+FFFD or nothing.
_WINDOWS = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸŚŤŹśťź"
_CONTROL = "\x80-\x9f"
_NEXT = f"[{_CONTROL}\xa0-\xbf{_WINDOWS}ĽĄŞŻłąşľż˝˛ˇ˘\ufffd]"
# The same without what may close a word in a real text.
_INSIDE = f"[{_CONTROL}\xa1-\xba\xbc-\xbf€‚ƒ„†‡ˆ‰Š‹ŒŽ˜šœžŸŚŤŹśťź\ufffd]"

_SIGNS = re.compile(
    "|".join(
        (
            f"[Â-ôĂăđğ][{_CONTROL}]",  # a control character after a letter, in Latin-1
            f"á(?:[ˆ‰ŠŒŽŚŤŹ]|[‹\ufffd]{_NEXT})",  # Ethiopic, by its two first bytes
            f"(?:á{_INSIDE}{{1,2}}){{2}}",  # ... and where the second byte had no character
            "[ðğ]Ÿ|đź",  # emoji
            f"â(?:[€œ]|[{_CONTROL}\xa1-\xbf{_WINDOWS}]{_INSIDE})",  # quotes, dashes, symbols
            "ï¸|ï»¿|ï¿½",  # what follows an emoji, a byte order mark, U+FFFD itself
            f"Ã{_INSIDE}|Ă[©¨§®´±]|Â[\xa0-\xba\xbc-\xbf]",  # accented Latin letters
            f"(?:[ÐÑØÙÚÛ×]{_NEXT}){{2}}",  # Cyrillic, Arabic, Hebrew
            f"(?:[à-ï]{_NEXT}{{2}}){{2}}",  # any other script of three bytes
        )
    )
)
# One of these stands in every sign, and hardly ever in ASCII, Amharic or an emoji.
_FIRST = re.compile("[Â-ôĂăđğ\ufffd]")
_MARKS = re.compile(r"\?{2,}")
# A cry of `???` is no loss; several words of them are.
_LEAST_WORDS, _LEAST_MARKS = 3, 8
_LEAST_REPLACED = 4


def looks_misdecoded(text: str) -> bool:
    """Say whether a text was decoded wrongly before it was saved, or lost its characters then.

    Signs: see the module. Cost: below a microsecond for ASCII, a few for a page of Amharic.
    """
    if "??" in text and _lost_to_question_marks(text):
        return True
    if text.isascii() or _FIRST.search(text) is None:
        return False
    return _SIGNS.search(text) is not None or _lost_to_replacement(text)


def _lost_to_question_marks(text: str) -> bool:
    words = _MARKS.findall(text)
    marks = sum(map(len, words))
    return len(words) >= _LEAST_WORDS and marks >= max(_LEAST_MARKS, _solid(text) / 2)


def _lost_to_replacement(text: str) -> bool:
    return text.count("\ufffd") >= max(_LEAST_REPLACED, _solid(text) / 4)


def _solid(text: str) -> int:
    """Count the characters that are no white space."""
    return sum(map(len, text.split()))
