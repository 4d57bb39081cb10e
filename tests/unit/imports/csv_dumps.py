"""CSV dumps as the usual scripts leave them, written for tests: all invented."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

COLUMNS = ("Channel Title", "Channel Username", "ID", "Message", "Date", "Media Path")
_FIRST = datetime(2025, 3, 1, 6, tzinfo=UTC)
_TEXTS = (
    "Paracetamol 500 mg, 120 birr",
    'አሞክሲሲሊን "500 mg"\nዋጋ 120 ብር\n\nስልክ 0900 000 012; አዲስ አበባ',
    "Vitamin C 💊\nPrice: 4,500 birr\n@demo_shop",
    "",
)


def rows(count: int, channel: str = "demo_shop", first_id: int = 1) -> Iterator[list[str]]:
    """Rows of posts, newest first as Telethon gives them; every fifth has an image."""
    for at in reversed(range(count)):
        number = first_id + at
        yield [
            "Demo Shop",
            f"@{channel}",
            str(number),
            _TEXTS[number % len(_TEXTS)],
            str(_FIRST + timedelta(minutes=17 * number)),
            f"photos/{channel}_{number}.jpg" if number % 5 == 0 else "",
        ]


def dump(
    batches: Iterable[Iterable[Sequence[str]]],
    *,
    columns: Sequence[str] | None = COLUMNS,
    delimiter: str = ",",
    quoting: int = csv.QUOTE_MINIMAL,
    line_end: str = "\r\n",
) -> str:
    """The text of a dump: each batch begins with the header, if there is one."""
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=delimiter,
        quoting=quoting,  # type: ignore[arg-type]
        lineterminator=line_end,
    )
    for batch in batches:
        if columns is not None:
            writer.writerow(columns)
        writer.writerows(batch)
    return text.getvalue()


def write_dump(path: Path, count: int = 100_000, *, channel: str = "demo_shop") -> Path:
    """Write a dump of so many posts in batches of a thousand, each with the header again."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for first in range(1, count + 1, 1000):
            file.write(dump([rows(min(1000, count + 1 - first), channel, first)]))
    return path
