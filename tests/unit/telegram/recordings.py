"""Small recordings, written for one test each."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

FIRST, LAST = "2025-03-01", "2025-03-03"


def write_channels(folder: Path, *channels: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    known = [
        {"channel": channel, "title": channel.title(), "channel_id": 1000 + number}
        for number, channel in enumerate(channels)
    ]
    (folder / "channels.json").write_text(json.dumps(known))


def write_read(
    folder: Path,
    channel: str,
    observed_at: datetime,
    posts: Sequence[dict[str, Any]],
    first: str = FIRST,
    last: str = LAST,
) -> Path:
    file = folder / "reads" / channel.lower() / f"{observed_at:%Y%m%dT%H%M%SZ}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "channel": channel,
        "observed_at": observed_at.isoformat(),
        "first": first,
        "last": last,
        "posts": list(posts),
    }
    file.write_text(json.dumps(content))
    return file


def recorded_post(message_id: int, at: str, text: str | None = "x", **facts: Any) -> dict[str, Any]:
    return {"id": message_id, "date": f"{at}:00Z", "text": text, **facts}


def photo(photo_id: int) -> dict[str, Any]:
    return {"kind": "photo", "photo_id": photo_id}
