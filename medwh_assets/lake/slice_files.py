"""Slices as they lie in the lake: their posts, rows, manifests, and which there are. Reads only."""

import copy
import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Self, TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from medwh_assets.errors import CorruptSliceError, LakeBusyError
from medwh_assets.lake import paths
from medwh_assets.lake.files import Files
from medwh_assets.lake.listing import LakeFile, listed, pictures_listed, slices_below
from medwh_assets.lake.merge import merge_posts
from medwh_assets.lake.records import (
    DETECTIONS,
    IMAGES,
    POSTS,
    DetectionRecord,
    ImageRecord,
    Manifest,
    Post,
    R,
    canonical,
)
from medwh_assets.slices import Slice, channel_name

# Slices in which a channel's id is looked for: a few early ones may come from a source without it.
_SLICES_FOR_AN_ID = 20
_POST = TypeAdapter(Post)
# How `to_lines` begins a post's line; only looked for in files whose hash says that we wrote them.
_OWN_LINE = re.compile(rb'^\{"schema_version":1,"id":([0-9]+),', re.MULTILINE)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record of a lake file that is no post, and why."""

    reason: str
    raw: JsonValue


class SliceFiles:
    """What the slices below a root hold, and the names under which they are held.

    Args:
        files: where they lie.
    """

    def __init__(self, files: Files) -> None:
        """Remember the files; none is opened."""
        self._files = files

    @property
    def url(self) -> str:
        """The lake's root, for people."""
        return self._files.url

    @property
    def root(self) -> Path | None:
        """The lake's root as a folder of this machine, or None on an object store."""
        return self._files.folder

    @property
    def files(self) -> Files:
        """Where the lake's files lie."""
        return self._files

    # -- files ------------------------------------------------------------------------------

    def read(self, relative: str | os.PathLike[str], most: int | None = None) -> bytes | None:
        """Return a file's bytes, or None if it is not there.

        Args:
            relative: its path in the lake.
            most: with this, no more than so many bytes and one are read.

        Raises:
            CorruptSliceError: a folder has that name.
            LakePathError: the path, or a link on its way, leaves the lake.
        """
        return self._files.read(paths.inside(os.fspath(relative)), most)

    def exists(self, relative: str | os.PathLike[str]) -> bool:
        """Whether something of that name lies in the lake.

        Raises:
            LakePathError: the path, or a link on its way, leaves the lake.
        """
        return self._files.exists(paths.inside(os.fspath(relative)))

    @contextmanager
    def lock(self, channel: str, timeout: float | None = None) -> Generator[None]:
        """Hold a channel's lock, across threads and processes; its holder may ask for it again.

        A killed holder's lock is free at once; on an object store that takes some seconds if the
        holder was on another machine.

        Args:
            channel: whose.
            timeout: seconds that it is waited for; two minutes unless told.

        Raises:
            LakeBusyError: another process held it all the while.
        """
        with self._files.lock(lock_name(channel), timeout):
            yield

    def is_busy(self, channel: str) -> bool:
        """Whether another process holds a channel's lock at this moment."""
        try:
            with self.lock(channel, timeout=0):
                return False
        except LakeBusyError:
            return True

    def undisturbed(
        self, channel: str | None, work: Callable[[Self], T], *, several: bool = False
    ) -> T:
        """Do work on a channel as if nobody else wrote there meanwhile, and return its result.

        It may be done more than once, see `Files.undisturbed`.

        Args:
            channel: whose files it writes; None if it is one file that needs no lock.
            work: reads and writes in the lake that it is given.
            several: whether it writes several slices.

        Raises:
            LakeBusyError: others held the lock, or wrote in between again and again.
        """
        return self._files.undisturbed(
            lambda files: work(self._on(files)),
            None if channel is None else lock_name(channel),
            several=several,
        )

    def _on(self, files: Files) -> Self:
        if files is self._files:
            return self
        same = copy.copy(self)
        same._files = files
        return same

    # -- reading a slice --------------------------------------------------------------------

    def manifest(self, piece: Slice) -> Manifest | None:
        """Return a slice's manifest; one that cannot be read counts as absent and is made anew."""
        content = self.read(paths.slice_file("slices", piece))
        if content is None:
            return None
        try:
            return Manifest.model_validate_json(content)
        except ValidationError:
            return None

    def posts(self, piece: Slice) -> list[Post]:
        """Return a slice's posts, sorted by id; none if the slice is not there.

        Raises:
            CorruptSliceError: the file is there and holds anything else than posts.
        """
        posts, bad = self.examine(piece)
        if bad:
            raise CorruptSliceError(
                f"{piece}: {len(bad)} of {len(posts) + len(bad)} records in "
                f"{paths.slice_file('telegram_messages', piece)} are no posts ({bad[0].reason}); "
                "materialize lake/telegram_messages for this slice to quarantine them"
            )
        return posts

    def examine(self, piece: Slice) -> tuple[list[Post], list[BadRecord]]:
        """Return a slice's posts, and apart from them the records that are none.

        Raises:
            CorruptSliceError: the file is no JSON array.
        """
        name = paths.slice_file("telegram_messages", piece)
        content = self.read(name)
        if content is None:
            return [], []
        with suppress(ValidationError):
            posts = POSTS.validate_json(content)
            if all(misplaced(post, piece) is None for post in posts):
                # A file written by hand may repeat an id or be in another order.
                return merge_posts(posts), []
        try:
            records: JsonValue = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise CorruptSliceError(
                f"{piece}: {name} is no JSON ({error}); restore or delete the file, then run again"
            ) from error
        if not isinstance(records, list):
            raise CorruptSliceError(
                f"{piece}: {name} is no JSON array; restore or delete it, then run again"
            )
        return self._sort_out(records, piece)

    def _sort_out(
        self, records: list[JsonValue], piece: Slice
    ) -> tuple[list[Post], list[BadRecord]]:
        posts: list[Post] = []
        bad: list[BadRecord] = []
        for raw in records:
            try:
                post = _POST.validate_json(canonical(raw))
            except (ValueError, RecursionError) as error:
                bad.append(BadRecord(first_reason(error), raw))
                continue
            reason = misplaced(post, piece)
            if reason is None:
                posts.append(post)
            else:
                bad.append(BadRecord(reason, raw))
        return merge_posts(posts), bad

    def images(self, piece: Slice) -> list[ImageRecord]:
        """Return a slice's image records, sorted by message id.

        Raises:
            CorruptSliceError: the file is there and cannot be read.
        """
        return self._rows(piece, "telegram_images", IMAGES)

    def detections(self, piece: Slice) -> list[DetectionRecord]:
        """Return a slice's detection records, sorted by message id.

        Raises:
            CorruptSliceError: the file is there and cannot be read.
        """
        return self._rows(piece, "yolo_detections", DETECTIONS)

    def _rows(self, piece: Slice, layer: paths.Layer, adapter: TypeAdapter[list[R]]) -> list[R]:
        name = paths.slice_file(layer, piece)
        content = self.read(name)
        if content is None:
            return []
        try:
            return adapter.validate_json(content)
        except ValidationError as error:
            raise CorruptSliceError(
                f"{piece}: {name} cannot be read ({first_reason(error)}); delete it, then run again"
            ) from error

    def file_sha256(self, layer: paths.Layer, piece: Slice) -> str | None:
        """Return the hash of a slice's data file as it lies there now, or None."""
        content = self.read(paths.slice_file(layer, piece))
        return None if content is None else hashlib.sha256(content).hexdigest()

    def own_lines(self, piece: Slice, manifest: Manifest | None) -> dict[int, bytes] | None:
        """Return the lines of a slice's file, if they are as they were written; none if it is new."""
        content = self.read(paths.slice_file("telegram_messages", piece))
        if content is None and (manifest is None or manifest.messages is None):
            return {}
        if content is None or manifest is None or manifest.messages is None:
            return None
        if hashlib.sha256(content).hexdigest() != manifest.messages.sha256:
            return None
        ids = [int(message_id) for message_id in _OWN_LINE.findall(content)]
        rows = content.removeprefix(b"[\n").removesuffix(b"\n]\n").split(b",\n") if ids else []
        if not len(ids) == len(rows) == manifest.messages.records:
            return None
        return dict(zip(ids, rows, strict=True))

    # -- listing ----------------------------------------------------------------------------

    def listing(self) -> Iterator[LakeFile]:
        """List the data files of all slices with their stamps, without opening one."""
        return listed(self._files)

    def slices(self) -> list[Slice]:
        """List the slices that have posts or a manifest, sorted; foreign names are not slices."""
        return slices_below(self._files, "telegram_messages", "slices")

    def channels(self) -> list[str]:
        """List the channels that have slices, sorted."""
        return sorted({piece.channel for piece in self.slices()})

    def picture_files(self) -> Iterator[tuple[str, int]]:
        """List the files of pictures, channel by channel, by channel and message id."""
        return pictures_listed(self._files)

    def post_days(self, channel: str) -> dict[int, set[date]]:
        """Map every post id of a channel to the days of the slices that hold it."""
        return self.days_of_ids(piece for piece in self.slices() if piece.channel == channel)

    def days_of_ids(self, slices: Iterable[Slice]) -> dict[int, set[date]]:
        """Map the post ids of some slices to their days; what cannot be read has none."""
        days: defaultdict[int, set[date]] = defaultdict(set)
        for piece in slices:
            # A slice that cannot be read costs only itself.
            with suppress(CorruptSliceError):
                for message_id in self.ids(piece):
                    days[message_id].add(piece.date)
        return days

    def ids(self, piece: Slice) -> Set[int]:
        """Return the ids of a slice's posts, without reading the posts where that is safe.

        Raises:
            CorruptSliceError: the file is there and cannot be read.
        """
        own = self.own_lines(piece, self.manifest(piece))
        return {post.id for post in self.examine(piece)[0]} if own is None else own.keys()

    def channel_ids(self) -> dict[int, str]:
        """Map Telegram's own channel ids to channels, as far as the newest slices tell them."""
        newest: defaultdict[str, list[Slice]] = defaultdict(list)
        for piece in self.slices():
            newest[piece.channel].append(piece)
        found: dict[int, str] = {}
        for channel, pieces in newest.items():
            for piece in reversed(pieces[-_SLICES_FOR_AN_ID:]):
                with suppress(CorruptSliceError):
                    ids = [post.channel_id for post in self.examine(piece)[0] if post.channel_id]
                    if ids:
                        found.setdefault(ids[0], channel)
                        break
        return found


def lock_name(channel: str) -> PurePosixPath:
    """`.locks/<channel>.lock`."""
    return PurePosixPath(".locks", f"{channel_name(channel)}.lock")


def misplaced(post: Post, piece: Slice) -> str | None:
    """Say why a post does not belong into a slice, or None if it does."""
    if post.channel != piece.channel:
        return f"a post of channel {post.channel}"
    if post.day != piece.date:
        return f"a post of {post.day}"
    return None


def first_reason(error: ValueError | RecursionError) -> str:
    """Say in one line what is wrong with a record: field and reason, never its content."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error)
