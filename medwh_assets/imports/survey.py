"""Looking at a dump before anything is written: its files, shapes, channels, chats and images."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import chain
from pathlib import Path, PurePosixPath

from medwh_assets.errors import ImportShapeError
from medwh_assets.imports import medwh_export
from medwh_assets.imports.archive import Unpacked
from medwh_assets.imports.channel_names import FileName, Names, named_by
from medwh_assets.imports.chat_names import Asked, name_chats, way_out
from medwh_assets.imports.dump_file import form_of, is_data
from medwh_assets.imports.found import Unread
from medwh_assets.imports.medwh_export import ExportFacts
from medwh_assets.imports.pictures import Pictures, walked_folders
from medwh_assets.imports.source_file import (
    CHATLESS,
    FoundChat,
    Shape,
    SourceFile,
    may_be_export,
)

__all__ = ["Archive", "FoundChat", "Shape", "SourceFile", "Survey", "survey"]

_POSTS_FOLDER = "telegram_messages"
# What lies beside the posts in a lake; records there are none of posts.
_OTHER_LAYERS = {"slices", "telegram_images", "yolo_detections", "quarantine", "channels"}
_DAY = re.compile(r"(?:(?:Chat|Data)Export_)?(\d{4}-\d\d-\d\d)(?: ?\(\d+\))?")
_CHANGED = (
    "not read: the archive is damaged, so private chats could no longer be told apart; "
    "download it again, or unpack it yourself and import the folder"
)
_REASONS_LISTED = 5
_NOTHING = (
    "{path} holds no posts{why}. medwh imports: a Telegram Desktop export (result.json), CSV with at "
    "least an id and a date column, Telethon messages as JSON or JSON lines, scraped lakes "
    "(telegram_messages/<date>/<channel>.json), what `medwh export` wrote, and zip or tar archives of these"
)


@dataclass(frozen=True, slots=True)
class Archive:
    """Where a dump was unpacked from.

    Attributes:
        path: the archive.
        content: what came out.
    """

    path: Path
    content: Unpacked

    @property
    def name(self) -> str:
        """The archive's name without suffixes."""
        return self.path.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a path holds, before anything is written.

    Attributes:
        path: what was looked at.
        root: the folder below which images are looked up.
        pictures: the images.
        names: what channels are called.
        renames: channels of the lake that are called by their id, and their usernames.
        archive: what it was unpacked from.
        files: the files of posts.
        exports: folders that `medwh export` wrote, and what they say of themselves.
        passed_over: files of data that give no posts, and why.
    """

    path: Path
    root: Path
    pictures: Pictures
    names: Names = field(default_factory=Names)
    renames: Mapping[str, str] = field(default_factory=dict[str, str])
    archive: Archive | None = None
    files: tuple[SourceFile, ...] = ()
    exports: Mapping[Path, ExportFacts] = field(default_factory=dict[Path, ExportFacts])
    passed_over: tuple[tuple[str, str], ...] = ()

    @property
    def chats_left_out(self) -> Counter[str]:
        """Chats that are not public, by type."""
        return _left_out(self.files)


def survey(
    path: Path,
    *,
    chats: Asked | None = None,
    known: Mapping[int, str] | None = None,
    lake: Path | None = None,
    archive: Archive | None = None,
) -> Survey:
    """Look for files of posts and for images below a path.

    Args:
        path: a file or a folder.
        chats: names of `--chat`, of chats, titles and files, and the channels that they give.
        known: channels that the lake knows by Telegram's own id.
        lake: the lake's root, which is no part of a dump.
        archive: what the path was unpacked from.

    Raises:
        ImportShapeError: the path is not there, or holds no posts, or `chats` does not fit.
    """
    path = path.resolve()
    if not path.exists():
        raise ImportShapeError(f"{path} does not exist")
    root = _root_of(path)
    pictures = Pictures(root, walked=path.is_dir())
    texts: list[str] = []
    everything = list(dict.fromkeys(_files(path, pictures, lake)))
    markers = [root / t for t in everything if PurePosixPath(t).name == medwh_export.MARKER]
    exports = {
        file.parent: medwh_export.look(file.parent)
        for file in markers
        if path in (file, root) or path == file.parent
    }
    for relative in everything:
        file = root / relative
        if any(file.is_relative_to(folder) for folder in exports):
            continue
        pictures.add(relative)
        if (path in (file, root) or file.is_relative_to(path)) and is_data(relative):
            texts.append(relative)
    looked = {relative: _look(path, root, relative, archive) for relative in _likely(texts)}
    files = [file for file in looked.values() if isinstance(file, SourceFile)]
    names, renames = name_chats(files, chats or (), known or {})
    why = {
        relative: file.reason if isinstance(file, Unread) else _why_nothing(file, files)
        for relative, file in looked.items()
    }
    withheld = any(file.withheld for file in files)
    if not exports and not withheld and all(why.values()):
        if lake is not None and path.is_relative_to(lake):
            raise ImportShapeError(
                f"{path} is the lake itself; its slices are already there, "
                "run `medwh run` to work on them"
            )
        raise ImportShapeError(_nothing(archive.path if archive else path, why))
    # What is or may be an export stays, for its images are nobody else's.
    files = [file for file in files if why[file.relative] is None or file.chats or file.withheld]
    kept = {file.relative for file in files}
    return Survey(
        path=path,
        root=root,
        pictures=pictures,
        names=names,
        renames=renames,
        archive=archive,
        files=tuple(files),
        exports=exports,
        passed_over=tuple(
            (relative, reason)
            for relative, reason in why.items()
            if reason is not None and relative not in kept
        ),
    )


def _root_of(path: Path) -> Path:
    """Return the lake that posts belong to, so that their images are found."""
    for folder in (path, path.parent) if path.is_dir() else path.parents:
        if folder.name == _POSTS_FOLDER:
            return folder.parent
    return path if path.is_dir() else path.parent


def _files(path: Path, pictures: Pictures, lake: Path | None) -> Iterator[str]:
    """Yield every file that may matter, but for hidden ones and links that lead out of the root."""
    root = pictures.root
    if path.is_file() and not (lake is not None and path.is_relative_to(lake)):
        yield path.relative_to(root).as_posix()
    walks = (os.walk(start) for start in walked_folders(path, root))
    for folder, folders, names in chain.from_iterable(walks):
        here = Path(folder)
        if lake is not None and here.is_relative_to(lake):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        pictures.links += sum((here / name).is_symlink() for name in folders)
        for name in sorted(names):
            file = here / name
            if name.startswith(".") or not file.is_file():
                continue
            if not file.is_symlink() or file.resolve().is_relative_to(root):
                yield file.relative_to(root).as_posix()


def _likely(texts: list[str]) -> Iterator[str]:
    """Yield all files but for the other layers of lakes."""
    lakes = {
        tuple(folders[: folders.index(_POSTS_FOLDER)])
        for folders in (text.split("/")[:-1] for text in texts)
        if _POSTS_FOLDER in folders
    }
    for text in texts:
        parts = text.split("/")
        if not any(
            part in _OTHER_LAYERS and tuple(parts[:at]) in lakes
            for at, part in enumerate(parts[:-1])
        ):
            yield text


def _look(path: Path, root: Path, relative: str, archive: Archive | None) -> SourceFile | Unread:
    """Read a file through once, or say why it is no file of records at all."""
    here = root / relative
    form = form_of(here)
    if isinstance(form, Unread):
        return form
    *folders, _ = relative.split("/")
    stem = here.stem
    above = root.name if path == root else ""
    if _POSTS_FOLDER in folders:
        # Where a lake has a channel's name, that is what it is.
        folders = folders[folders.index(_POSTS_FOLDER) + 1 :]
        channel, origin = named_by(folders, stem)
        name = FileName(channel, origin, sure=channel is not None)
        days = [stem, *reversed(folders)]
    else:
        # One file a message: `<channel>/<id>.json`, also where the channel's folder itself was given.
        channel, origin = named_by([root.name, *folders] if stem.isdigit() else folders, stem)
        name = FileName(channel, origin)
        days = [*reversed(folders)]
    days.append(archive.name if archive is not None else above)
    file = SourceFile(here, relative, form, name, _observed_at(days))
    if archive is not None and archive.content.problem and may_be_export(here):
        file.withheld = _CHANGED
    else:
        file.look()
    return file


def _observed_at(names: Iterable[str]) -> datetime | None:
    """Return the last second of the first day among some names."""
    for name in names:
        if day := _DAY.fullmatch(name):
            with suppress(ValueError):
                return datetime.combine(date.fromisoformat(day[1]), time(23, 59, 59), tzinfo=UTC)
    return None


def _left_out(files: Iterable[SourceFile]) -> Counter[str]:
    return Counter(chat.chat.type for file in files for chat in file.chats if not chat.public)


def _why_nothing(file: SourceFile, files: list[SourceFile]) -> str | None:
    """Say why a file gives no posts, if it gives none."""
    if file.into - {None}:
        return None
    if file.withheld is not None:
        return file.withheld
    if file.problems and not file.records:
        return file.problems[0]
    if file.noted.chatless and not file.records:
        return CHATLESS
    reasons = [chat.reason for chat in file.chats if chat.reason is not None]
    if (nameless := way_out(file, files)) is not None:
        reasons.append(nameless)
    private = _left_out([file])
    if private and not reasons:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(private.items()))
        return f"no public chat in it; left out, not public and not read: {kinds}"
    if reasons:
        return "; ".join(reasons[:_REASONS_LISTED])
    return "no records with an id and a date" if file.noted.count else "no posts in it"


def _nothing(path: Path, why: Mapping[str, str | None]) -> str:
    reasons = [f"{relative}: {reason}" for relative, reason in why.items() if reason is not None]
    more = [f"and {len(reasons) - _REASONS_LISTED} more files"] * (len(reasons) > _REASONS_LISTED)
    listed = "; ".join([*reasons[:_REASONS_LISTED], *more])
    return _NOTHING.format(path=path, why=f" ({listed})" if listed else "")
