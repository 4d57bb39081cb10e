"""Dumps of 100,000 posts, and what stands in them: messages of every kind, with other numbers.

The kinds are those of the small dumps; here they get times that lie in the past whoever runs this,
and as many of them on a day as a test wants.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.unit.imports import csv_dumps, desktop_exports, telethon_dumps

POSTS = 100_000
CHANNEL = "demo_shop"
FIRST = datetime(2018, 1, 2, tzinfo=UTC)


def moment(number: int, a_day: float) -> datetime:
    """When the post with an id was sent."""
    return FIRST + timedelta(days=number / a_day)


def desktop(numbers: Iterable[int], a_day: float) -> Iterator[dict[str, Any]]:
    """Messages of Telegram Desktop."""
    kinds = [desktop_exports.message(kind) for kind in range(10, 20)]
    for number in numbers:
        at = moment(number, a_day)
        yield {
            **kinds[number % 10],
            "id": number,
            "date": f"{at + timedelta(hours=3):%FT%T}",
            "date_unixtime": str(int(at.timestamp())),
        }


def write_desktop(root: Path, numbers: Iterable[int], a_day: float = 100) -> Path:
    """Write an export of one chat, message by message."""
    folder = root / "ChatExport_2026-01-01"
    folder.mkdir()
    with (folder / "result.json").open("w", encoding="utf-8") as file:
        file.write(json.dumps(desktop_exports.CHAT, indent=1).removesuffix("\n}"))
        file.write(',\n "messages": [')
        for place, message in enumerate(desktop(numbers, a_day)):
            file.write(",\n" if place else "\n")
            file.write(json.dumps(message, ensure_ascii=False, indent=1))
        file.write("\n ]\n}")
    return folder


def write_telethon(root: Path, numbers: Iterable[int], a_day: float = 100) -> Path:
    """Write `message.to_dict()` as JSON lines; empty messages have no content to be kept."""
    kinds = [telethon_dumps.parsed(telethon_dumps.message(kind)) for kind in range(8, 16)]
    kinds = [kind for kind in kinds if kind["_"] != "MessageEmpty"]
    file = root / f"{CHANNEL}.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for number in numbers:
            at = moment(number, a_day).isoformat()
            line = {**kinds[number % len(kinds)], "id": number, "date": at}
            lines.write(json.dumps(line) + "\n")
    return file


def write_scraped(root: Path, numbers: Iterable[int], a_day: float = 100) -> Path:
    """Write records of a scraping script as JSON lines, as many as their time tells."""
    file = root / f"{CHANNEL}.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for number in numbers:
            at = moment(number, a_day)
            record = {
                "message_id": number,
                "channel_name": "Demo_Shop",
                "message_date": at.isoformat(),
                "message_text": f"Paracetamol 500 mg, {number % 900} birr, ስልክ 0900 000 012",
                "views": number % 5000,
                "forwards": number % 7,
                "has_media": False,
                "scraped_at": "2026-01-01T00:00:00+00:00",
            }
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
    return file


def write_csv(root: Path, numbers: Iterable[int], a_day: float = 100) -> Path:
    """Write CSV in batches, each with the header again."""
    kinds = list(csv_dumps.rows(20))
    batch: list[list[str]] = []
    file = root / "posts.csv"
    with file.open("w", encoding="utf-8", newline="") as text:
        for number in numbers:
            title, channel, _, message, _, _ = kinds[number % 20]
            at = str(moment(number, a_day))
            batch.append([title, channel, str(number), message, at, ""])
            if len(batch) == 1000:
                text.write(csv_dumps.dump([batch]))
                batch.clear()
        text.write(csv_dumps.dump([batch]))
    return file


WRITERS: dict[str, Callable[[Path, Iterable[int]], Path]] = {
    "Telegram Desktop export": write_desktop,
    "Telethon dump": write_telethon,
    "scraped posts": write_scraped,
    "CSV dump": write_csv,
}


def in_disorder(count: int, again: int) -> list[int]:
    """The ids 1 to `count` in no order, some of them twice."""
    chance = random.Random(11)
    numbers = [*range(1, count + 1), *chance.sample(range(1, count + 1), again)]
    chance.shuffle(numbers)
    return numbers
