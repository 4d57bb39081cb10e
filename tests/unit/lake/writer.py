"""A process that writes into a lake, for tests that need a second one or one to kill.

Arguments: the lake's root or URL, the number of the first post, how many, and a file that appears once
the first write is under way.
"""

import sys
from pathlib import Path

from medwh_assets.lake.store import Lake
from tests.factories import CHANNEL, FIRST_READ, PIECE, make_post, make_reading


def picture(number: int) -> bytes:
    """Bytes that stand for a picture; the store does not look inside."""
    return b"picture" * 2_000 + bytes([number % 251])


def write(root: Path | str, first: int, count: int, started: Path | None = None) -> None:
    """Read posts into one slice, one after another, each with its picture."""
    lake = Lake(root)
    for number in range(first, first + count):
        post = make_post(number, text=f"post {number} " + "ብር " * 200)
        if started is not None:
            started.touch()
        lake.merge_readings(PIECE, [make_reading(post, at=FIRST_READ, complete=False)])
        lake.keep_image(CHANNEL, number, picture(number))
        lake.quarantine("posts", CHANNEL, "no message id", {"number": number})


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
