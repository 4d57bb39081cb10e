"""Small recordings and scraped lakes that the pipeline's tests write for themselves."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

SAMPLE_PICTURES = Path(__file__).parents[3] / "data" / "sample" / "recording" / "images"
OBSERVED_AT = "2025-03-10T00:00:00Z"


def pictures(count: int) -> list[bytes]:
    """Return some of the bundled sample's drawings, the same ones every time."""
    files = sorted(SAMPLE_PICTURES.glob("*.jpg"), key=lambda file: (file.stat().st_size, file.name))
    return [file.read_bytes() for file in files[-count:]]


def write_recording(folder: Path, channels: Sequence[str], days: int, posts_a_day: int = 3) -> int:
    """Write a sample folder with a recording of channels; return how many posts it holds."""
    drawn = pictures(4)
    recording = folder / "recording"
    (recording / "images").mkdir(parents=True)
    for photo_id, picture in enumerate(drawn, start=1):
        (recording / "images" / f"{photo_id}.jpg").write_bytes(picture)
    first = date(2025, 3, 1)
    for number, channel in enumerate(channels):
        posts = [
            _recorded_post(
                1 + day * posts_a_day + n, first + timedelta(days=day), number, len(drawn)
            )
            for day in range(days)
            for n in range(posts_a_day)
        ]
        reads = recording / "reads" / channel
        reads.mkdir(parents=True)
        read = {
            "channel": channel,
            "observed_at": OBSERVED_AT,
            "first": str(first),
            "last": str(first + timedelta(days=days - 1)),
            "posts": posts,
        }
        (reads / "20250310T000000Z.json").write_text(json.dumps(read))
    (recording / "channels.json").write_text(
        json.dumps(
            [
                {"channel": channel, "title": channel.title(), "channel_id": 100 + number}
                for number, channel in enumerate(channels)
            ]
        )
    )
    return len(channels) * days * posts_a_day


def _recorded_post(
    message_id: int, day: date, channel: int, pictures_there: int
) -> dict[str, object]:
    at = datetime(day.year, day.month, day.day, 8, message_id % 60, tzinfo=UTC)
    return {
        "id": message_id,
        "date": at.isoformat(),
        "text": f"Paracetamol {message_id} tablets\nPrice {100 + message_id + channel} birr\n☎️ 0900 000 012",
        "views": 10 * message_id,
        "forwards": message_id % 3,
        "replies": 0,
        "media": {"kind": "photo", "photo_id": 1 + message_id % pictures_there},
    }


def write_scraped_lake(folder: Path, channel: str, days: int, posts_a_day: int = 2) -> int:
    """Write a lake as scrapers leave it, one file a day; return how many posts it holds."""
    drawn = pictures(3)
    images = folder / "images" / channel
    images.mkdir(parents=True)
    message_id = 0
    for day in range(days):
        at = datetime(2025, 5, 1, 9, tzinfo=UTC) + timedelta(days=day)
        records: list[dict[str, object]] = []
        for _ in range(posts_a_day):
            message_id += 1
            records.append(
                {
                    "message_id": message_id,
                    "message_date": at.isoformat(sep=" "),
                    "message_text": f"Amoxicillin {message_id} ዋጋ {message_id}00 ብር",
                    "has_media": True,
                    "image_path": f"data\\raw\\images\\{channel}\\{message_id}.jpg",
                    "views": message_id,
                }
            )
            (images / f"{message_id}.jpg").write_bytes(drawn[message_id % len(drawn)])
        file = folder / "telegram_messages" / at.date().isoformat() / f"{channel}.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(records, ensure_ascii=False))
    return message_id
