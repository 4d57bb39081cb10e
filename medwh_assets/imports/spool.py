"""Posts on their way from the files of a dump to the days that they belong to, kept on disk.

A dump may hold more posts than memory, in any order, and each may come several times. SQLite's
temporary database sorts them: its file has no name and is gone with the process, also with one that
is killed. Memory holds one day of one channel at a time.
"""

import os
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from medwh_assets.errors import SpoolError
from medwh_assets.lake.homecoming import Reads
from medwh_assets.lake.merge import DATE_RANK, merge
from medwh_assets.lake.records import Post, PostLine, Read, line

# Enough that many slices are written at once, few enough that they fit in some MB.
BATCH_READINGS = 2_000
_PENDING = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN = "?"
_EXPORT = "desktop_export"
_FOLDER = "SQLITE_TMPDIR"

_Row = tuple[int, int, int, bytes, str, str, str | None, bytes, int]


@dataclass(frozen=True, slots=True)
class ImageName:
    """Where a record says its image lies.

    Attributes:
        path: as the record has it.
        base: the folder of the record's file, relative to the dump's root.
        exact: whether the path is meant from there and nothing else may be taken for it.
    """

    path: str
    base: str = ""
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that a dump says of one post.

    Attributes:
        post: every reading of it, merged; a line if they are all alike.
        images: where they say its image lies.
        by_id: whether its image may bear its id: a Telegram Desktop export names images otherwise.
    """

    post: Post | PostLine
    images: Collection[ImageName]
    by_id: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """All that a dump says of the posts of some days.

    Attributes:
        posts: the posts.
        readings: how many there were of them.
        reads: the days and logical times that the readings come from.
    """

    posts: list[Gathered]
    readings: int
    reads: Reads


class Spool:
    """A temporary database of readings; made by `spool`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Create the table; nothing is written to disk before it outgrows a few MB."""
        self._database = database
        self._pending: list[tuple[object, ...]] = []
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(
            "CREATE TABLE reading (channel TEXT, id INTEGER, authority INTEGER, at INTEGER, "
            "source TEXT, observed TEXT, image TEXT, base BLOB, exact INTEGER, post BLOB)"
        )
        # Nothing is ever committed: it would cost a transaction for each row.
        database.execute("BEGIN")

    def add(self, post: Post, source: str, image: ImageName | None) -> None:
        """Keep one reading of a post."""
        self._pending.append(
            (
                post.channel,
                post.id,
                DATE_RANK[post.date_authority],
                (post.date - _EPOCH).total_seconds(),
                source,
                " ".join(
                    o.observed_at.isoformat() if o.observed_at else _UNKNOWN
                    for o in post.observations
                    if o.present
                ),
                image.path if image else None,
                # A folder's name need not be text.
                os.fsencode(image.base) if image else None,
                image.exact if image else False,
                line(post),
            )
        )
        if len(self._pending) >= _PENDING:
            self._flush()

    def _flush(self) -> None:
        self._database.executemany(
            "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._pending
        )
        self._pending.clear()

    def seal(self) -> None:
        """Work out each post's day, by its best date; nothing may be added afterwards."""
        self._flush()
        self._database.execute("CREATE INDEX by_post ON reading (channel, id)")
        # SQLite takes a bare column from the row that holds the minimum.
        self._database.execute(
            "CREATE TABLE home AS SELECT channel, day, id FROM (SELECT channel, id, "
            "CAST(at / 86400 AS INTEGER) AS day, min(authority * 1e12 + at) "
            "FROM reading GROUP BY channel, id)"
        )
        self._database.execute("CREATE INDEX by_day ON home (channel, day, id)")

    def channels(self) -> dict[str, int]:
        """Return the channels, sorted, with the number of their posts."""
        return dict(
            self._database.execute("SELECT channel, count(*) FROM home GROUP BY channel ORDER BY 1")
        )

    def image_names(self) -> Iterator[tuple[str, int, ImageName]]:
        """Yield channel and id of every reading that names an image, with the name."""
        rows: Iterator[tuple[str, int, str, bytes, int]] = self._database.execute(
            "SELECT channel, id, image, base, exact FROM reading WHERE image IS NOT NULL"
        )
        for channel, message_id, image, base, exact in rows:
            yield channel, message_id, ImageName(image, os.fsdecode(base), bool(exact))

    def count_held(self, channel: str, ids: Collection[int]) -> int:
        """Return how many of some ids are posts of a channel."""
        held = "SELECT EXISTS (SELECT 1 FROM reading WHERE channel = ? AND id = ?)"
        return sum(self._database.execute(held, (channel, one)).fetchone()[0] for one in ids)

    def batches(self, channel: str) -> Iterator[Batch]:
        """Yield a channel's posts by ascending days, some thousands at a time; no day is cut."""
        rows: Iterator[_Row] = self._database.execute(
            "SELECT h.day, h.id, CAST(r.at / 86400 AS INTEGER), r.post, r.source, r.observed, "
            "r.image, r.base, r.exact "
            "FROM home h CROSS JOIN reading r ON r.channel = h.channel AND r.id = h.id "
            "WHERE h.channel = ? ORDER BY h.day, h.id",
            (channel,),
        )
        batch: list[_Row] = []
        for _, of_day in groupby(rows, key=itemgetter(0)):
            batch += of_day
            if len(batch) >= BATCH_READINGS:
                yield _batch(batch)
                batch = []
        if batch:
            yield _batch(batch)


def _batch(rows: list[_Row]) -> Batch:
    posts = [_gather(list(readings)) for _, readings in groupby(rows, key=itemgetter(1))]
    reads: defaultdict[date, set[Read]] = defaultdict(set)
    for day, source, observed in {(row[2], row[4], row[5]) for row in rows}:
        for at in observed.split():
            time = None if at == _UNKNOWN else datetime.fromisoformat(at)
            reads[_date(day)].add(Read(source=source, observed_at=time, status="imported"))
    return Batch(posts, len(rows), reads)


def _gather(rows: list[_Row]) -> Gathered:
    """Merge the readings of one post; one that stands alone is not even parsed."""
    images = {
        ImageName(row[6], os.fsdecode(row[7]), bool(row[8])) for row in rows if row[6] is not None
    }
    by_id = any(row[4] != _EXPORT for row in rows)
    contents = {row[3]: row for row in rows}
    if len(contents) == 1:
        _, message_id, day, content, *_ = rows[0]
        return Gathered(PostLine(message_id, _date(day), content), images, by_id)
    return Gathered(merge(*map(Post.model_validate_json, contents)), images, by_id)


@lru_cache(maxsize=4096)
def _date(day: int) -> date:
    return date.fromordinal(_EPOCH.toordinal() + day)


@contextmanager
def spool(folder: Path) -> Generator[Spool]:
    """Open a spool whose database lies in a folder, and let it vanish afterwards.

    Raises:
        SpoolError: there is no room for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = os.environ.get(_FOLDER)
    # The one way to tell SQLite where its temporary files go; it asks each time it makes one.
    os.environ[_FOLDER] = str(folder)
    database = sqlite3.connect("", isolation_level=None)
    try:
        yield Spool(database)
    except sqlite3.Error as error:
        raise SpoolError(
            f"no room for the import's temporary database ({error}): make room in {folder}, or set "
            "MEDWH_STATE to a folder that has some"
        ) from error
    finally:
        database.close()
        if before is None:
            del os.environ[_FOLDER]
        else:
            os.environ[_FOLDER] = before
