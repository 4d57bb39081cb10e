"""One figure, and the input that the benchmarks share."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from medwh_assets.lake.merge import post_from_reading
from medwh_assets.lake.records import Content, Media, Observation, Post

# Half of real posts repeat a text; every one carries a footer with numbers and delivery fees.
_FOOTER = (
    "\nTelegram @demo\n☎️ call 0900000{number:03d}/0900000{other:03d}\nOpen Monday - Sunday ከጠዋቱ 2:00\n"
    "🏍 የትራንስፖርት አማራጭ ከ70 - 500 ብር\nFor delivery option fees are from 70 birr - 500 birr"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure: how much medwh does, how much the simple way does, and what was done."""

    what: str
    value: float
    unit: str
    how: str
    simple: float | None = None


def text(number: int) -> str:
    """Return the text of the n-th invented post."""
    product = number // 2
    footer = _FOOTER.format(number=product % 50, other=(product + 7) % 50)
    return f"Amoxicillin {product} capsules ዋጋ\nPrice {100 + product % 900} birr{footer}"


def at(number: int, posts_a_day: int) -> datetime:
    """Return when the n-th invented post was posted."""
    return datetime(2023, 1, 1, tzinfo=UTC) + timedelta(
        days=number // posts_a_day, seconds=number % posts_a_day
    )


def posts(count: int, posts_a_day: int) -> list[Post]:
    """Return invented posts of one channel."""
    return [
        post_from_reading(
            content=Content(text=text(n), media=Media(kind="photo", photo_id=n)),
            observation=Observation(observed_at=at(n, posts_a_day), views=n, forwards=1, replies=0),
            source="bench",
            id=n + 1,
            channel="demo_bench",
            date=at(n, posts_a_day),
            date_authority="telegram",
        )
        for n in range(count)
    ]


def write_scraped_lake(folder: Path, count: int, posts_a_day: int) -> None:
    """Write a scraped lake of invented posts without images."""
    for first in range(0, count, posts_a_day):
        day = at(first, posts_a_day).date()
        records = [
            {"id": n + 1, "date": at(n, posts_a_day).isoformat(), "message": text(n), "views": n}
            for n in range(first, min(first + posts_a_day, count))
        ]
        file = folder / "telegram_messages" / str(day) / "demo_bench.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(records, ensure_ascii=False))
