"""CSV dumps as the usual Telethon scripts write them: rows in, records out.

    Channel Title,Channel Username,ID,Message,Date,Media Path

and its variants: any delimiter, any spelling of the names, the header again in the middle where a
batch was appended, another header there, or none at all. Column names come out in lower snake case,
as `spellings.read_record` reads them; a column that it does not know is kept under its own name.

A lost quote would let one record swallow all that follows. So a record that breaks, grows past
`MAX_RECORD` or, over several lines, has no id and date where they belong is taken back: its first
line is refused and the next line begins anew. How far is read ahead in vain is paid from a credit
that grows with what was read, so that time stays linear in any input.
"""

import csv
import io
import itertools
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue

from medwh_assets.imports.found import Refused, Unread
from medwh_assets.imports.spellings import (
    CHANNEL,
    DATE,
    EDITED,
    FORWARDS,
    GROUPED,
    ID,
    IMAGE_PATH,
    REPLIES,
    REPLY_TO,
    SCRAPED,
    TEXT,
    TITLE,
    VIEWS,
)

# In characters. Telegram's longest text has 4,096; a medium as Python's repr has been seen with
# 78,000. The csv module's own bound on a field is the same.
MAX_RECORD = 131_072
_TOO_LONG = "longer than any post, or a quote that does not end"
EXPECTED = "Channel Title, Channel Username, ID, Message, Date, Media Path"

_DELIMITERS = (",", ";", "\t", "|")
# What is looked at to learn the columns, in characters and lines.
_HEAD, _HEAD_LINES = 65_536, 400
# A header this far down still tells the delimiter: above it stand a title or notes.
_HEADER_ROWS = 20
_MAX_COLUMNS = 1000
# What a refused line that is too long is cut to, in characters.
_MAX_RAW = 4096
# Characters that may be read ahead in vain: at most so many, and so many for each one read.
_FULL_CREDIT, _CREDIT_RATE = 16 * MAX_RECORD, 8

_NOTHING: dict[str, JsonValue] = dict.fromkeys(
    (
        *("", "nan", "NaN", "NaT", "None", "none", "null", "NULL", "<NA>", "\\N"),
        *("No Media", "No media", "no media"),
    )
)
_YES_OR_NO: dict[str, JsonValue] = {"True": True, "true": True, "False": False, "false": False}
# What the values of a column mean where they are not what they say.
_OF_TEXTS: dict[str, JsonValue] = dict.fromkeys(("", "nan"))
_OF_NAMES = _NOTHING
_OF_OTHERS = _NOTHING | _YES_OR_NO
_OF_FLAGS: dict[str, JsonValue] = _OF_OTHERS | {"1": True, "0": False, "1.0": True, "0.0": False}

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[\W_]+")


def _normal(name: str) -> str:
    """`Channel Title`, `channel-title` and `ChannelTitle` are one name."""
    return _NO_WORD.sub("_", _CAMEL.sub("_", name[:200])).strip("_").lower()


# The first that there is counts.
_IDS, _DATES = dict.fromkeys(map(_normal, ID)), dict.fromkeys(map(_normal, DATE))
_KNOWN = {
    _normal(name)
    for names in (
        *(ID, DATE, TEXT, VIEWS, FORWARDS, REPLIES, EDITED, GROUPED, REPLY_TO, SCRAPED),
        *(CHANNEL, TITLE, IMAGE_PATH),
    )
    for name in names
} | {"channel_id", "media", "media_type", "has_media", "has_photo", "has_image"}

_NUMBER = re.compile(r"\s*[0-9]{1,18}(?:\.0)?\s*")
_DIGIT = re.compile("[0-9]")
_MOMENT = re.compile(
    r"\s*\d{4}([-/])\d\d\1\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?\s*(?:Z|UTC|[+-]\d\d:?\d\d)?\s*",
    re.ASCII,
)
_USERNAME = re.compile(r"\s*(?:@|(?:https?://)?t\.me/)[A-Za-z]\w{3,31}/?\s*", re.ASCII)
_PATH = re.compile(r"[^\n]{0,1000}\.(?:jpe?g|png|webp)\s*", re.IGNORECASE)
_COLUMN = re.compile(r"[A-Za-z][\w .-]{0,30}", re.ASCII)
_SHOWN_COLUMNS = 8
_UNNAMED = re.compile(r"(?:unnamed_\d+)?")


def looks_like_csv(head: str) -> bool:
    """Say whether a text begins as a CSV dump does: columns for an id and for a date.

    Args:
        head: the file's first characters; a last line without its end is passed over.
    """
    lines = _head_lines(head)
    return isinstance(_learn(lines), _Learnt)


def missing_columns(head: str) -> str:
    """Say why a text does not begin as a CSV dump does: the columns that it has, and those it lacks.

    Args:
        head: the file's first characters.
    """
    lines = _head_lines(head)
    learnt = _learn(lines)
    if isinstance(learnt, _Learnt):
        return "no posts in it"
    firsts = [rows[0] for delimiter in _DELIMITERS if (rows := _sample(lines, delimiter))]
    first = max(firsts, key=len) if firsts else []
    if len(first) < 2 or not all(_COLUMN.fullmatch(cell.strip("\ufeff ")) for cell in first):
        return learnt.reason
    names = {_normal(cell) for cell in first}
    lacks = [
        what
        for what, known in (("an id", _IDS), ("a date", _DATES))
        if known.keys().isdisjoint(names)
    ]
    if not lacks:
        return learnt.reason
    shown = ", ".join(cell.strip("\ufeff ") for cell in first[:_SHOWN_COLUMNS])
    more = ", …" if len(first) > _SHOWN_COLUMNS else ""
    return (
        f"{' and '.join(lacks)} column missing (found {shown}{more}); expected columns {EXPECTED}"
    )


def read_rows(chunks: Iterator[str]) -> Iterator[dict[str, JsonValue] | Refused | Unread]:
    r"""Read the rows of a CSV dump as records, in the order of the file.

    Values are strings as they stand, save what means nothing (`nan`, `None`, `No Media`, but not in
    a text) and `True` and `False`. Of texts, `\r\n` becomes `\n`: Telegram knows no other line end.

    Args:
        chunks: the text of the file, cut anywhere.

    Yields:
        A record by normalised names; a row that is none with the reason; or, where no columns can
        be told, that the file or what came before its first usable header was not read.
    """
    lines = _Lines(chunks)
    learnt = _learn(lines.head())
    if isinstance(learnt, Unread):
        if not lines.empty:
            yield learnt
        return
    yield from _rows(lines, learnt)


def _rows(lines: "_Lines", learnt: "_Learnt") -> Iterator[dict[str, JsonValue] | Refused]:
    columns, current = learnt.columns, lines.current
    reader = csv.reader(lines, delimiter=learnt.delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except (_TooLongError, csv.Error) as error:
            found = _TOO_LONG if isinstance(error, _TooLongError) else "quotes that do not pair"
        else:
            if (
                len(row) == columns.width
                and row[columns.id][:1].isdigit()
                and (len(current) == 1 or columns.fits(row))
            ):
                yield columns.record(row)
                lines.accept()
                continue
            found = _unlike(row, learnt.header, columns, current)
        if isinstance(found, str):
            yield lines.take_back(found)
            reader = csv.reader(lines, delimiter=learnt.delimiter, strict=True)
            continue
        lines.accept()
        if isinstance(found, _Columns):
            columns = found
        elif found is not None:
            yield found


def _unlike(
    row: list[str], header: list[str] | None, columns: "_Columns", lines: Sequence[str]
) -> "dict[str, JsonValue] | Refused | _Columns | str | None":
    """Say what a row is that is not just like the others.

    Args:
        row: its fields.
        header: what is known to be no row.
        columns: what they should be.
        lines: the physical lines that it was read from.

    Returns:
        A record or a refusal; new columns, of a header; nothing, of a row without meaning; or why
        only the first line may be given up.
    """
    if not any(row) or row == header or _is_separator_line(row):
        return None
    if (names := _header(row)) is not None:
        return _Columns.named(names)
    fits = columns.fits(row)
    if len(lines) > 1 and not fits:
        return columns.reason(row)
    if len(row) == columns.width:
        return columns.record(row)
    if len(row) < columns.width and not lines[-1].endswith(("\n", "\r")):
        return Refused(channel=None, reason="cut off by the end of the file", raw=_raw(row))
    if fits and not any(row[columns.width :]):
        return columns.record([*row, *[""] * (columns.width - len(row))])
    return Refused(channel=None, reason=columns.reason(row), raw=_raw(row))


def _raw(row: list[str]) -> JsonValue:
    return cast("list[JsonValue]", row)


# -- columns -------------------------------------------------------------------------------------


class _Columns:
    """Where a row has what, and under which name it comes out."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.width = len(names)
        self.id = next(names.index(name) for name in _IDS if name in names)
        self.date = next(names.index(name) for name in _DATES if name in names)
        self._texts = [i for i, name in enumerate(names) if name in TEXT]
        self._meanings: list[Callable[[str, JsonValue], JsonValue]] = [
            _meanings(name).get for name in names
        ]

    @classmethod
    def named(cls, header: Sequence[str]) -> "_Columns":
        return cls(_unique(header))

    def record(self, row: Sequence[str]) -> dict[str, JsonValue]:
        record = {
            name: meaning(value, value)
            for name, meaning, value in zip(self.names, self._meanings, row, strict=False)
        }
        for at in self._texts:
            if "\r" in row[at]:
                record[self.names[at]] = row[at].replace("\r\n", "\n")
        return record

    def fits(self, row: Sequence[str]) -> bool:
        """Say whether a row has what could be an id and a date in their places."""
        if len(row) <= self.id or len(row) <= self.date:
            return False
        date = row[self.date]
        if _NUMBER.fullmatch(row[self.id]) is None:
            return False
        if len(row) != self.width:
            # With fields missing or too many, only what is surely a date tells their places.
            return _MOMENT.fullmatch(date) is not None
        return len(date) <= 40 and date.isprintable() and _DIGIT.search(date) is not None

    def reason(self, row: Sequence[str]) -> str:
        if len(row) == self.width:
            return "no id and date where they belong"
        columns = "1 column" if self.width == 1 else f"{self.width} columns"
        return f"{columns} expected, {len(row)} found"


def _meanings(name: str) -> dict[str, JsonValue]:
    if name in TEXT:
        return _OF_TEXTS
    if name in CHANNEL or name in TITLE or name in IMAGE_PATH:
        return _OF_NAMES
    return _OF_FLAGS if name.startswith("has_") else _OF_OTHERS


def _unique(names: Iterable[str]) -> list[str]:
    """Give a column without a name its number, and one more to a name that comes again."""
    unique: dict[str, None] = {}
    for at, name in enumerate(names, 1):
        given = f"column_{at}" if _UNNAMED.fullmatch(name) else name
        number = 2
        name = given
        while name in unique:
            name = f"{given}_{number}"
            number += 1
        unique[name] = None
    return list(unique)


def _header(row: Sequence[str]) -> list[str] | None:
    """Return the normalised names if a row is a header that says enough."""
    if not 2 <= len(row) <= _MAX_COLUMNS or max(map(len, row)) > 200:
        return None
    names = [_normal(cell) for cell in row]
    complete = not (_IDS.keys().isdisjoint(names) or _DATES.keys().isdisjoint(names))
    return names if complete else None


def _is_separator_line(row: Sequence[str]) -> bool:
    """Excel writes which delimiter follows as a first line: `sep=;`."""
    return len(row) <= 2 and row[0].lstrip("\ufeff").lower() in ("sep=", *_SEPARATOR_LINES)


_SEPARATOR_LINES = tuple(f"sep={delimiter}" for delimiter in _DELIMITERS)


# -- learning the columns ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What the head of a file says of the rest.

    Attributes:
        delimiter: what stands between two columns.
        columns: what they are.
        header: a row that names columns, but too few of them to be known as a header by itself.
    """

    delimiter: str
    columns: _Columns
    header: list[str] | None = None


def _learn(lines: Sequence[str]) -> _Learnt | Unread:
    """Learn delimiter and columns from the header, else from what the first rows hold."""
    samples = {delimiter: _sample(lines, delimiter) for delimiter in _DELIMITERS}
    headers = [
        (sum(name in _KNOWN for name in header), -at, delimiter, header)
        for delimiter, rows in samples.items()
        for at, row in enumerate(rows[:_HEADER_ROWS])
        if (header := _header(row)) is not None
    ]
    if headers:
        _, at, delimiter, header = max(headers, key=lambda found: found[:2])
        columns = _Columns.named(header)
        before = samples[delimiter][:-at]
        if before and not any(columns.fits(row) for row in before):
            # What stands above the header has columns of its own, if it has any.
            inferred = _infer(before)
            columns = columns if isinstance(inferred, str) else _Columns(inferred)
        return _Learnt(delimiter, columns)
    best: tuple[int, int, _Learnt] | None = None
    why: list[tuple[int, str]] = []
    for delimiter, rows in samples.items():
        found = _from_contents(rows)
        width = max(map(len, rows), default=0)
        if isinstance(found, str):
            why.append((width, found))
            continue
        names, header = found
        like = sum(len(row) == len(names) for row in rows)
        if best is None or (like, len(names)) > best[:2]:
            best = (like, len(names), _Learnt(delimiter, _Columns(names), header))
    if best is not None:
        return best[2]
    reason = max(why, key=lambda found: found[0])[1]
    partly = any(
        len(_KNOWN.intersection(map(_normal, row))) > 1
        for rows in samples.values()
        for row in rows[:_HEADER_ROWS]
    )
    header = "no id and date in the header" if partly else "no header"
    return Unread(f"{header}, and {reason}; expected columns {EXPECTED}")


def _from_contents(rows: Sequence[list[str]]) -> tuple[list[str], list[str] | None] | str:
    """Tell the columns by their contents; a first row unlike the others may name some of them."""
    found = _infer(rows)
    if isinstance(found, str):
        # With few rows, one that is unlike the others hides what they have in common.
        below = _infer(rows[1:])
        if isinstance(below, str):
            return found
        found = below
    first = rows[0]
    if len(first) != len(found) or not all(map(_could_be_name, first)):
        return found, None
    return _completed([_normal(cell) for cell in first], found), first


def _could_be_name(cell: str) -> bool:
    kinds = (_NUMBER, _MOMENT, _USERNAME, _PATH)
    return len(cell) <= 64 and cell.isprintable() and not any(k.fullmatch(cell) for k in kinds)


def _sample(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Return the rows that can be read among some lines."""
    rows: list[list[str]] = []
    source = _Lines(iter(lines))
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return rows
        except (_TooLongError, csv.Error):
            if len(rows) >= _HEADER_ROWS and not source.more:
                # The last record goes on behind the lines that were given.
                return rows
            source.take_back("")
            reader = csv.reader(source, delimiter=delimiter, strict=True)
            continue
        source.accept()
        if any(row) and not _is_separator_line(row):
            rows.append(row)


def _infer(rows: Sequence[list[str]]) -> list[str] | str:
    """Tell the columns of rows without a header by their contents, or say why that cannot be."""
    widths = Counter(len(row) for row in rows)
    width = max(widths, key=lambda w: (widths[w], w), default=0)
    if width < 2:
        return "one column alone"
    rows = [row for row in rows if len(row) == width]
    if width > _MAX_COLUMNS:
        return "too many columns"
    if sum(widths.values()) > 2 * len(rows):
        return "rows of many widths"
    columns = [[row[at] for row in rows] for at in range(width)]
    dates = _apart([at for at, column in enumerate(columns) if _all(_MOMENT, column)], columns)
    if len(dates) != 1:
        return f"{_number(len(dates), 'column')} of dates"
    numbers = [at for at, column in enumerate(columns) if _all(_NUMBER, column)]
    ids = _ids(numbers, columns)
    if len(ids) != 1:
        return f"{_number(len(ids), 'column')} that could be the id"
    names = [f"column_{at + 1}" for at in range(width)]
    names[dates[0]], names[ids[0]] = "date", "id"
    rest = [at for at in range(width) if names[at].startswith("column_")]
    said = {at: [v for v in columns[at] if v not in _NOTHING] for at in rest}
    for name, pattern in (("channel_username", _USERNAME), ("media_path", _PATH)):
        found = [at for at in rest if said[at] and all(map(pattern.fullmatch, said[at]))]
        if found:
            names[found[0]] = name
    texts = [
        at
        for at in rest
        if names[at].startswith("column_")
        and any(not _NUMBER.fullmatch(v) and v not in _YES_OR_NO for v in said[at])
        and not _all(_MOMENT, said[at])
    ]
    # The same words in every row are no posts, however long they are.
    posts = [at for at in texts if len(rows) < 3 or len(set(said[at])) > 1]
    if posts:
        message = max(posts, key=lambda at: sum(map(len, said[at])))
        names[message] = "message"
        texts.remove(message)
    if len(texts) == 1:
        names[texts[0]] = "channel_title"
    return names


def _completed(header: Sequence[str], inferred: Sequence[str]) -> list[str]:
    """Take what a header names, and from the contents only what it does not."""
    if len(header) != len(inferred):
        return list(inferred)
    known = set(header)
    roles = {
        "id": set(_IDS),
        "date": set(_DATES),
        "message": set(TEXT),
        "channel_title": {*TITLE, *CHANNEL},
    }
    names = [
        role
        if name not in _KNOWN
        and not role.startswith("column_")
        and known.isdisjoint(roles.get(role, {role}))
        else name
        for name, role in zip(header, inferred, strict=True)
    ]
    # A column that bears the name of an id or a date without being one would hide the right one.
    if _IDS.keys().isdisjoint(names) or _DATES.keys().isdisjoint(names):
        return list(inferred)
    return _unique(names)


def _all(pattern: re.Pattern[str], column: Sequence[str]) -> bool:
    """Say whether a column is of one kind, all but the odd row that damage may have left."""
    odd = sum(pattern.fullmatch(value) is None for value in column)
    return odd * 20 <= len(column) and odd < len(column)


def _apart(candidates: list[int], columns: Sequence[Sequence[str]]) -> list[int]:
    """Keep the columns whose values differ, if there is a choice."""
    if len(candidates) < 2:
        return candidates
    return [at for at in candidates if len(set(columns[at])) > 1] or candidates


def _ids(candidates: list[int], columns: Sequence[Sequence[str]]) -> list[int]:
    """Keep the columns of whole numbers that could be ids: apart from each other, and in order.

    Ids run up or down and turn where another batch or channel begins; views go to and fro.
    """
    kept: list[int] = []
    counts: list[int] = []
    for at in candidates:
        column = [value for value in columns[at] if _NUMBER.fullmatch(value)]
        values = [int(value.strip().removesuffix(".0")) for value in dict.fromkeys(column)]
        steps = [b > a for a, b in itertools.pairwise(values)]
        turns = sum(a != b for a, b in itertools.pairwise(steps))
        if 0 in values or turns > max(2, len(values) // 10) or len(values) * 2 < len(column):
            continue
        is_count = values == list(range(1, len(values) + 1))
        (counts if is_count else kept).append(at)
    # Where nothing else could be the id, 1, 2, 3 are ids and not the numbers of the rows.
    return kept or counts


def _number(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count < 2 else 's'}"


# -- lines ---------------------------------------------------------------------------------------


class _TooLongError(Exception):
    """A record grows past what one may have."""


class _Lines:
    """Physical lines of a text, with a memory of those of the record that is being read."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._source = _split(chunks)
        self._ahead: deque[str] = deque()
        self._size = 0
        self._credit = _FULL_CREDIT
        self._limit = MAX_RECORD
        self.current: list[str] = []
        self.empty = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._source)
        self.current.append(line)
        self._size += len(line)
        if self._size > self._limit and (len(self.current) > 1 or self._size > MAX_RECORD):
            raise _TooLongError
        return line

    def head(self) -> list[str]:
        """Return the first lines without taking them."""
        size = 0
        while size < _HEAD and len(self._ahead) < _HEAD_LINES:
            line = next(self._source, None)
            if line is None:
                return list(self._ahead)
            if not self._ahead:
                line = line.removeprefix("\ufeff")
            size += len(line)
            self.empty = self.empty and not line.strip()
            self._ahead.append(line)
        # The last record may go on behind what was looked at.
        return list(self._ahead)[:-1] or list(self._ahead)

    @property
    def more(self) -> bool:
        """Whether there are lines behind the record that is being read."""
        if not self._ahead:
            self._ahead.extend(itertools.islice(self._source, 1))
        return bool(self._ahead)

    def accept(self) -> None:
        """The record is whole: forget its lines."""
        if self._credit < _FULL_CREDIT:
            self._earn(self._size)
        self.current.clear()
        self._size = 0

    def take_back(self, reason: str) -> Refused:
        """Refuse the first line of the record and give back the others."""
        first = self.current[0]
        self._credit -= self._size - len(first)
        self._ahead.extendleft(reversed(self.current[1:]))
        self.current.clear()
        self._size = 0
        self._earn(len(first))
        return Refused(channel=None, reason=reason, raw=first[:_MAX_RAW].rstrip("\r\n"))

    def _earn(self, size: int) -> None:
        self._credit = min(self._credit + _CREDIT_RATE * size, _FULL_CREDIT)
        self._limit = max(0, min(self._credit, MAX_RECORD))


def _split(chunks: Iterator[str]) -> Iterator[str]:
    """Cut text into lines that keep their ends; of one that is too long only its begin is kept."""
    parts: list[str] = []
    size = 0
    for chunk in chunks:
        if "\n" not in chunk and "\r" not in chunk:
            if size <= MAX_RECORD:
                parts.append(chunk)
                size += len(chunk)
            continue
        lines = _lines_of("".join(parts) + chunk)
        parts, size = [], 0
        # The last line may go on, and so may one whose `\r` has not yet met its `\n`.
        if not lines[-1].endswith("\n"):
            parts = [lines.pop()]
            size = len(parts[0])
        yield from lines
    if parts:
        yield from _lines_of("".join(parts))


def _lines_of(text: str) -> list[str]:
    lines = io.StringIO(text, newline="").readlines()
    if max(map(len, lines), default=0) > MAX_RECORD:
        return [line[: MAX_RECORD + 1] for line in lines]
    return lines


def _head_lines(head: str) -> list[str]:
    lines = list(_split(iter([head.removeprefix("\ufeff")])))[:_HEAD_LINES]
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")):
        lines.pop()
    return lines
