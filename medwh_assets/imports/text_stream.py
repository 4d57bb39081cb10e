"""The text of a file, piece by piece, whatever its size: encoding and the escapes that are no JSON.

A flipped byte costs a character, not a file; a file in another encoding is refused, because whoever
guesses an encoding makes wrong text out of right text.
"""

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

# How much of a file is looked at to tell damaged UTF-8 from another encoding, in bytes.
SAMPLE = 64 * 2**10
# So many places of a file may be damaged however short it is, and one more for so many bytes. In
# French as cp1252, a tongue with few accents, one byte of 40 is none of UTF-8; of a Telegram export
# in it, most of which is keys and numbers, one of 300. A disk that loses one byte of 500 is lost.
ALLOWED_PLACES = 3
BYTES_PER_PLACE = 500

# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What is left of one damaged character is one place, and so is a stretch of NULs, however long: a
# lost disk sector is full of them.
_DAMAGE = re.compile("[\udc80-\udcff]{1,4}|\0+")
_X_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_BEGUN_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]?)?\Z")


class NotTextError(ValueError):
    """A file is no text, or text in an encoding that is not declared; the message says why."""


def text_chunks(stream: BinaryIO, *, size: int = 2**20) -> Iterator[str]:
    """Decode a file as UTF-8, or as what its byte order mark says.

    Args:
        stream: the file, at its beginning.
        size: how many bytes to read at a time.

    Returns:
        The text without the mark. What cannot be decoded is a lone surrogate for each bad byte (in
        UTF-16 and UTF-32 for each bad unit), so that `lake.records.mend` counts and replaces it.

    Raises:
        NotTextError: before the first piece: the file is in another encoding.
    """
    head = _read(stream, SAMPLE)
    mark, encoding = next(((m, e) for m, e in _MARKS if head.startswith(m)), (b"", "utf-8"))
    errors = "surrogateescape"
    if encoding == "utf-8":
        problem = not_utf8(head[len(mark) :], whole=len(head) < SAMPLE, offset=len(mark))
        if problem is not None:
            raise NotTextError(problem)
    else:
        # Python's own handler knows no wide units.
        errors = "medwh.lone_surrogate"
        codecs.register_error(errors, _lone_surrogate)
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    data = head[len(mark) :]
    while data:
        if text := decoder.decode(data):
            yield text
        data = stream.read(size)
    if text := decoder.decode(b"", final=True):
        yield text


def not_utf8(sample: bytes, *, whole: bool, offset: int = 0) -> str | None:
    """Say why the beginning of a file is not damaged UTF-8 but something else, or None.

    It is something else if more than `ALLOWED_PLACES` places, and one more for each
    `BYTES_PER_PLACE` bytes, are no UTF-8 or are NULs, which no text holds and every second byte of
    UTF-16 is.

    Args:
        sample: the file's first bytes, without a byte order mark.
        whole: whether that is all of it; if not, it may end within a character.
        offset: how many bytes of the file precede the sample.
    """
    decoder = codecs.getincrementaldecoder("utf-8")
    with suppress(UnicodeDecodeError):
        decoder().decode(sample, final=whole)
        if b"\0" not in sample:
            return None
    text = decoder("surrogateescape").decode(sample, final=whole)
    places = list(_DAMAGE.finditer(text))
    if len(places) <= ALLOWED_PLACES + len(sample) // BYTES_PER_PLACE:
        return None
    byte = len(text[: places[0].start()].encode("utf-8", "surrogateescape"))
    position = f"byte {byte + offset} is 0x{sample[byte]:02x}"
    if 2 * sum(place[0][0] == "\0" for place in places) > len(places):
        return f"not UTF-8 but binary, or UTF-16 without a byte order mark ({position})"
    return f"not UTF-8 ({position})"


def repaired_escapes(chunks: Iterator[str]) -> Iterator[str]:
    r"""Make JSON of what Telegram Desktop writes: a control character as `\x0B`, not as `\u000B`.

    A backslash that is itself escaped begins nothing, so `\\x0B` stays.
    """
    held = ""
    for chunk in chunks:
        text = held + chunk
        held = ""
        # Whatever is held back begins an escape: each text begins where no backslash is open.
        begun = _BEGUN_ESCAPE.search(text, max(0, len(text) - 3))
        if begun is not None:
            before = text[: begun.start()]
            if (len(before) - len(before.rstrip("\\"))) % 2 == 0:
                text, held = before, begun[0]
        if "\\x" in text:
            text = _X_ESCAPE.sub(r"\1\\u00\2", text)
        if text:
            yield text
    if held:
        yield held


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes, unless the file ends before; some streams give less than they are asked."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _lone_surrogate(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end
