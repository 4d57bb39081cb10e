"""Import of a scraped lake: the folders that the usual Telethon scripts leave behind.

    telegram_messages/<any date>/<channel>.json     a list of posts, in any spelling
    images/<channel>/<message id>.jpg               beside it, in any nesting

First `survey` looks and writes nothing, then `import_lake` brings everything into the lake: posts
are put on their own days, duplicates merge, what is no post goes to the quarantine with its reason.
Importing the same thing twice changes no byte.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from pydantic import JsonValue, ValidationError

from medwh_assets.errors import ChannelNameError, ImportShapeError
from medwh_assets.imports.spellings import (
    CHANNEL,
    SCRAPED,
    TITLE,
    RecordError,
    first_text,
    read_record,
)
from medwh_assets.lake.paths import image_file
from medwh_assets.lake.records import Post
from medwh_assets.lake.store import Lake, first_reason, larger_image
from medwh_assets.slices import Slice, channel_name

SOURCE = "scraped_lake"
MAX_FILE_BYTES = 512 * 2**20
MAX_IMAGE_BYTES = 50 * 2**20
# Linux and macOS open no longer path; a record's is looked up once for each of its parts.
_MAX_PATH = 4096
_POSTS_FOLDER = "telegram_messages"
_JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
# Folders that pictures lie in and that are no channel, though their names could be one.
_PICTURE_FOLDERS = {"images", "photos", "media"}
# Where an object that wraps a list of posts keeps it, and what it says about each of them.
_ENVELOPES = ("messages", "posts", "data")
_CHANNEL_ALONE = tuple(name for name in CHANNEL if name != "username")
_OF_EACH = {*CHANNEL, *TITLE, *SCRAPED, "channel_id"}


@dataclass(frozen=True, slots=True)
class MessageFile:
    """A file of posts: the channel its name gives, and the day of the folder it lies in."""

    path: Path
    channel: str | None
    folder_day: date | None

    @property
    def observed_at(self) -> datetime | None:
        """The folder's day as a logical time: its last second, as that day's posts were seen."""
        if self.folder_day is None:
            return None
        return datetime.combine(self.folder_day, time(23, 59, 59), tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a path holds, before anything is written.

    Attributes:
        root: the folder below which images are looked up.
        files: the files of posts.
        images: paths of every image that is named by a message id, by lower-cased channel and id.
    """

    root: Path
    files: tuple[MessageFile, ...]
    images: dict[tuple[str, int], tuple[Path, ...]]


@dataclass(slots=True)
class ChannelSummary:
    """What an import did to one channel."""

    files: int = 0
    records: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicates: int = 0
    mended: int = 0
    quarantined: Counter[str] = field(default_factory=Counter[str])
    images: int = 0
    images_absent: int = 0
    images_unmatched: int = 0
    first: date | None = None
    last: date | None = None


@dataclass(slots=True)
class ImportSummary:
    """What an import did, by channel; `unreadable` lists files and slices that were left out."""

    channels: dict[str, ChannelSummary] = field(default_factory=dict[str, ChannelSummary])
    unreadable: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass(slots=True)
class _Batch:
    """What some files hold of one channel.

    Attributes:
        posts: one for each reading.
        named: the image paths that records name, by message id.
        folders: names under which the channel's images may lie.
    """

    posts: list[Post] = field(default_factory=list[Post])
    named: defaultdict[int, set[str]] = field(
        default_factory=lambda: defaultdict[int, set[str]](set)
    )
    folders: set[str] = field(default_factory=set[str])


def survey(path: Path) -> Survey:
    """Look for files of posts and for images below a path.

    Raises:
        ImportShapeError: the path is not there, or holds no file of posts.
    """
    path = path.resolve()
    if not path.exists():
        raise ImportShapeError(f"{path} does not exist")
    root = _root_of(path)
    everything = [file for file in sorted(root.rglob("*")) if _counts(file, root)]
    asked = [path] if path.is_file() else [f for f in everything if f.is_relative_to(path)]
    texts = [file for file in asked if file.suffix.lower() in _JSON_SUFFIXES or file == path]
    # Where a lake keeps its posts every file is meant to hold some; elsewhere each is looked at.
    posts = [file for file in texts if _POSTS_FOLDER in file.relative_to(root).parts[:-1]]
    files = posts or [file for file in texts if _may_hold_posts(file)]
    if not files:
        raise ImportShapeError(
            f"{path} holds no posts: expected {_POSTS_FOLDER}/<date>/<channel>.json, each a JSON "
            "list of objects with an id and a date"
        )
    images: defaultdict[tuple[str, int], list[Path]] = defaultdict(list)
    for key, file in _images(everything):
        images[key].append(file)
    return Survey(
        root,
        tuple(_message_file(file) for file in files),
        {key: tuple(paths) for key, paths in images.items()},
    )


def _root_of(path: Path) -> Path:
    """Return the lake that posts belong to, so that their images are found."""
    for folder in (path, path.parent) if path.is_dir() else path.parents:
        if folder.name == _POSTS_FOLDER:
            return folder.parent
    return path if path.is_dir() else path.parent


def _counts(file: Path, root: Path) -> bool:
    """Whether something is a file, not hidden, and does not lead out of the root."""
    if any(part.startswith(".") for part in file.relative_to(root).parts) or not file.is_file():
        return False
    return not file.is_symlink() or file.resolve().is_relative_to(root)


def _may_hold_posts(file: Path) -> bool:
    """Tell files of posts from other JSON by their first characters."""
    with suppress(OSError), file.open("rb") as stream:
        head = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
        return head[:1] in (b"[", b"{") or not head
    return False


def _message_file(file: Path) -> MessageFile:
    channel: str | None = None
    with suppress(ChannelNameError):
        channel = channel_name(file.stem)
    day: date | None = None
    for folder in file.parents:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", folder.name):
            with suppress(ValueError):
                day = date.fromisoformat(folder.name)
            break
    return MessageFile(file, channel, day)


def _images(files: Sequence[Path]) -> Iterator[tuple[tuple[str, int], Path]]:
    for file in files:
        if file.suffix.lower() in _IMAGE_SUFFIXES and re.fullmatch(r"[0-9]{1,18}", file.stem):
            for folder in {file.parent.name, file.parent.parent.name} - _PICTURE_FOLDERS:
                with suppress(ChannelNameError):
                    yield (channel_name(folder), int(file.stem)), file


def import_lake(
    lake: Lake, found: Survey, *, now: datetime, progress: Callable[[str, int], None]
) -> ImportSummary:
    """Bring what a survey found into the lake.

    Args:
        lake: where to; its own files are no part of an import.
        found: what `survey` returned.
        now: posts dated more than a day after this are quarantined as misdated.
        progress: called with the channel and the number of posts or images just dealt with.

    Raises:
        ImportShapeError: the lake itself was to be imported.
        LakeBusyError: another process holds a channel's lock.
    """
    files = [file for file in found.files if not file.path.is_relative_to(lake.root)]
    if not files:
        raise ImportShapeError(
            f"{found.root} is the lake itself; its slices are already there, "
            "run `medwh run` to work on them"
        )
    summary = ImportSummary()
    matched: set[Path] = set()
    for group in _by_channel(files):
        batches: defaultdict[str, _Batch] = defaultdict(_Batch)
        for file in group:
            _read_file(lake, found.root, file, now, batches, summary)
        for channel, batch in batches.items():
            _import_batch(lake, found, channel, batch, summary, matched, progress)
    for (channel, _), paths in found.images.items():
        if channel in summary.channels:
            left = [p for p in paths if p not in matched and not p.is_relative_to(lake.root)]
            summary.channels[channel].images_unmatched += len(left)
    return summary


def _by_channel(files: Sequence[MessageFile]) -> list[list[MessageFile]]:
    """Group files by the channel of their names, so that one channel is in memory at a time."""
    grouped: defaultdict[str, list[MessageFile]] = defaultdict(list)
    for file in files:
        grouped[file.channel or ""].append(file)
    return [grouped[channel] for channel in sorted(grouped)]


def _read_file(
    lake: Lake,
    root: Path,
    file: MessageFile,
    now: datetime,
    batches: dict[str, _Batch],
    summary: ImportSummary,
) -> None:
    relative = file.path.relative_to(root).as_posix()
    records, problem = _records(file.path)
    if problem is not None:
        summary.unreadable.append((relative, problem))
        lake.quarantine("files", file.channel or "unknown", problem, {"file": relative})
        return
    if not records:
        summary.unreadable.append((relative, "an empty list"))
        return
    own = [_record_channel(raw) for raw in records]
    # A file that speaks of several channels is named after none of them. What is called a username
    # and nothing else may be that of whoever wrote the post.
    mixed = len({_record_channel(raw, _CHANNEL_ALONE) for raw in records} - {None}) > 1
    seen: set[str] = set()
    nameless = 0
    for raw, named in zip(records, own, strict=True):
        explicit = _record_channel(raw, ("channel_username",))
        channel = explicit or (named if mixed or file.channel is None else file.channel)
        if channel is None:
            nameless += 1
            lake.quarantine(
                "posts", "unknown", "names no channel", {"file": relative, "record": raw}
            )
            continue
        seen.add(channel)
        mine = summary.channels.setdefault(channel, ChannelSummary())
        mine.records += 1
        try:
            reading = read_record(
                raw,
                channel=channel,
                source=SOURCE,
                file_observed_at=file.observed_at,
                spelling=file.path.stem if channel == file.channel else None,
            )
            _check_day(reading.post, lake, now)
        except (RecordError, ValidationError) as error:
            reason = first_reason(error)
            mine.quarantined[reason] += 1
            lake.quarantine("posts", channel, reason, {"file": relative, "record": raw})
            continue
        mine.mended += reading.mended
        batch = batches[channel]
        batch.posts.append(reading.post)
        batch.folders.add(channel)
        if file.channel is not None and not mixed:
            batch.folders.add(file.channel)
        if reading.image_path is not None:
            batch.named[reading.post.id].add(reading.image_path)
    if nameless:
        reason = f"{nameless} records name no channel, and neither does the file"
        summary.unreadable.append((relative, reason))
    for channel in seen:
        summary.channels[channel].files += 1


def _record_channel(raw: JsonValue, names: tuple[str, ...] = CHANNEL) -> str | None:
    for name in names:
        with suppress(ChannelNameError):
            return channel_name(first_text(raw, (name,)) or "")
    return None


def _check_day(post: Post, lake: Lake, now: datetime) -> None:
    if post.day < lake.start_date:
        raise RecordError(f"older than MEDWH_START_DATE ({lake.start_date})")
    if post.date > now + timedelta(days=1):
        raise RecordError("dated in the future")


def _records(file: Path) -> tuple[list[JsonValue], str | None]:
    """Return a file's records, or why there are none."""
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            return [], f"larger than {MAX_FILE_BYTES // 2**20} MB"
        if size == 0:
            return [], "empty file"
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [], f"not UTF-8 (byte {error.start})"
    except OSError as error:
        return [], f"cannot be opened ({error.strerror})"
    try:
        content = _parse(text)
    except (ValueError, RecursionError) as error:
        return _json_lines(text, f"not JSON: {error}")
    if isinstance(content, dict):
        return _unwrap(content)
    if isinstance(content, list):
        return content, None
    return [], "neither a list nor an object"


def _parse(text: str) -> JsonValue:
    # Python refuses to read an integer of more than 4,300 digits, and with it the whole file.
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 100 else digits)


def _unwrap(content: dict[str, JsonValue]) -> tuple[list[JsonValue], str | None]:
    """Take the posts out of an object around them; what it says of all is kept with each."""
    name, inner = next(
        ((n, v) for n in _ENVELOPES if isinstance(v := content.get(n), list)), ("", None)
    )
    if inner is None:
        return [content], None
    if any(isinstance(raw, dict) and "date_unixtime" in raw for raw in inner):
        return [], "an export of Telegram Desktop, whose dates are local; not imported yet"
    shared = {key: value for key, value in content.items() if key in _OF_EACH}
    rest = {key: value for key, value in content.items() if key != name and key not in _OF_EACH}
    if rest:
        shared["envelope"] = rest
    return [{**shared, **raw} if isinstance(raw, dict) else raw for raw in inner], None


def _json_lines(text: str, problem: str) -> tuple[list[JsonValue], str | None]:
    """Read one record a line; a list that was cut off between two of them reads like that too."""
    lines = [line.strip().removesuffix(",") for line in text.split("\n")]
    records: list[JsonValue] = []
    for line in lines:
        if line not in ("", "[", "]"):
            try:
                records.append(_parse(line))
            except (ValueError, RecursionError):
                # No record, and reported as such.
                records.append(line)
    if 2 * sum(isinstance(record, dict) for record in records) <= len(records):
        return [], problem
    return records, None


def _import_batch(
    lake: Lake,
    found: Survey,
    channel: str,
    batch: _Batch,
    summary: ImportSummary,
    matched: set[Path],
    progress: Callable[[str, int], None],
) -> None:
    mine = summary.channels[channel]
    counts = lake.merge_import(channel, batch.posts, SOURCE)
    mine.new += counts.new
    mine.changed += counts.changed
    mine.unchanged += counts.unchanged
    mine.duplicates += len(batch.posts) - len({post.id for post in batch.posts})
    summary.unreadable += [(f"{channel}|{day}", reason) for day, reason in counts.failed.items()]
    progress(channel, len(batch.posts))
    days = [*counts.days.values(), *filter(None, (mine.first, mine.last))]
    mine.first, mine.last = min(days, default=None), max(days, default=None)
    twins: dict[str, str] = {}
    for message_id, day in sorted(counts.days.items()):
        files = _image_files(lake, found, batch, message_id)
        matched.update(files)
        if not files:
            mine.images_absent += any(map(_is_image_path, batch.named.get(message_id, ())))
        for file in files:
            reason = _import_image(lake, Slice(channel, day), message_id, file, twins)
            if reason is None:
                mine.images += 1
            else:
                mine.quarantined[reason] += 1
                named = {"file": file.relative_to(found.root).as_posix()}
                lake.quarantine("images", channel, reason, dict(named), name=str(message_id))
        progress(channel, len(files))


def _image_files(lake: Lake, found: Survey, batch: _Batch, message_id: int) -> list[Path]:
    """Find a post's images: what its records name, or else what bears its id."""
    named = [_named_file(found.root, path) for path in sorted(batch.named.get(message_id, ()))]
    by_id = [found.images.get((folder, message_id), ()) for folder in sorted(batch.folders)]
    files = [file for file in named if file] or [file for several in by_id for file in several]
    return [file for file in dict.fromkeys(files) if not file.is_relative_to(lake.root)]


def _import_image(
    lake: Lake,
    piece: Slice,
    message_id: int,
    file: Path,
    twins: dict[str, str],
) -> str | None:
    """Keep an image as it is, whatever it holds; say why it was left out, if it was."""
    try:
        if file.stat().st_size > MAX_IMAGE_BYTES:
            return f"image larger than {MAX_IMAGE_BYTES // 2**20} MB"
        content = file.read_bytes()
    except OSError as error:
        return f"image cannot be opened ({error.strerror})"
    present = lake.read(image_file(piece.channel, message_id))
    if present is None or larger_image(present, content) != present:
        lake.forget_images(piece)
    sha256 = hashlib.sha256(content).hexdigest()
    path = lake.keep_image(piece.channel, message_id, content, twin=twins.get(sha256))
    twins.setdefault(sha256, path)
    return None


def _is_image_path(named: str) -> bool:
    return Path(named).suffix.lower() in _IMAGE_SUFFIXES


def _named_file(root: Path, named: str) -> Path | None:
    """Find the image that a record names, by the longest tail of its path that exists below the root."""
    if not _is_image_path(named) or len(named) > _MAX_PATH:
        return None
    parts = [part for part in named.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    for start in range(len(parts)):
        file = root.joinpath(*parts[start:])
        with suppress(OSError, ValueError):
            if file.is_file() and file.resolve().is_relative_to(root):
                return file
    return None
