"""What the terminal shows of imports and exports. Apart from the rest, so that neither waits for Dagster.

On a terminal stages are bars; piped into a file or a CI log they are a line every few seconds.
"""

import shlex
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from medwh_assets.exports.lake_export import ExportSummary
from medwh_assets.imports.channel_names import Origin
from medwh_assets.imports.chat_names import handle, way_out
from medwh_assets.imports.summary import ImportSummary
from medwh_assets.imports.survey import Shape, Survey

_LINE_EVERY_SECONDS = 10
_LISTED = 8
_LISTED_FILES = 20
_ORIGINS: dict[Origin | None, str] = {
    "file": "the file's name",
    "folder": "the folder's name",
    "records": "what all records call a username",
}
_SHAPES: dict[Shape, str] = {
    "desktop_export": "Telegram Desktop export",
    "csv_dump": "CSV dump",
    "telethon_dump": "Telethon dump",
    "scraped_lake": "scraped posts",
}


class ImportDisplay:
    """Shows the stages of an import or export; an `intake.Watcher`."""

    def __init__(self, console: Console) -> None:
        """Decide between bars and lines by what the console is."""
        self._console = console
        self._bars = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<12}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )
        self._task: TaskID | None = None
        self._name = ""
        self._done = self._total = 0
        self._spoke = 0.0

    def __enter__(self) -> Self:
        """Begin; nothing is shown yet."""
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal its cursor back."""
        if self._bars is not None:
            self._bars.stop()

    def stage(self, name: str, total: int) -> None:
        """A stage begins; a total of 0 is not known."""
        self._name, self._done, self._total = name, 0, total
        self._spoke = time.monotonic()
        if self._bars is not None:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(name, total=total or None)

    def advance(self, number: int = 1) -> None:
        """This much more of it is done."""
        self._done += number
        if self._bars is None:
            if time.monotonic() - self._spoke > _LINE_EVERY_SECONDS:
                self._spoke = time.monotonic()
                of = f" of {self._total:,}" if self._total else ""
                self._console.print(f"{self._name}: {self._done:,}{of}")
        elif self._task is not None and (self._done % 97 == 0 or number > 1):
            # A bar that moves for every single post would cost more than the post.
            self._bars.update(self._task, completed=self._done)


def show_survey(console: Console, found: Survey) -> None:
    """Say what an import found before it writes."""
    where = found.path if found.archive is None else found.archive.path
    console.print(f"Found at {_safe(str(where))}:", soft_wrap=True)
    for folder, facts in found.exports.items():
        days = f", {facts.first} … {facts.last}" if facts.first else ""
        console.print(
            f"  what medwh export wrote: {_safe(folder.name)}, {_number(facts.posts, 'post')}, "
            f"{_number(facts.images, 'image')}{_safe(_channels(facts.channels))}{days}",
            soft_wrap=True,
        )
    for shape, name in _SHAPES.items():
        files = [file for file in found.files if file.shapes[shape]]
        if files:
            records = sum(file.shapes[shape] for file in files)
            channels = {channel for file in files for channel in file.into if channel is not None}
            console.print(
                f"  {name}: {_number(len(files), 'file')}, {_number(records, 'record')}"
                f"{_safe(_channels(sorted(channels)))}",
                soft_wrap=True,
            )
    _show_chats(console, found)
    _show_names(console, found)
    console.print(f"  {_number(len(found.pictures.paths), 'image')}")
    if found.pictures.links:
        _warn(
            console, "images", f"{_number(found.pictures.links, 'linked folder')} not looked into"
        )
    if found.archive is not None:
        content = found.archive.content
        for reason, count in content.left_out.most_common():
            entries = "entry" if count == 1 else "entries"
            _warn(console, "archive", f"{count:,} {entries} left out: {reason}")
        if content.problem is not None:
            _warn(console, "archive", content.problem)
    for file, reason in found.passed_over[:_LISTED_FILES]:
        console.print(f"  passed over: {_safe(file)}: {_safe(reason)}", soft_wrap=True)
    if len(found.passed_over) > _LISTED_FILES:
        console.print(f"  passed over: {len(found.passed_over) - _LISTED_FILES:,} more")


def _show_chats(console: Console, found: Survey) -> None:
    chats = [chat for file in found.files for chat in file.chats if chat.public]
    ids_of: defaultdict[str, set[int | None]] = defaultdict(set)
    for chat in chats:
        ids_of[chat.chat.title or ""].add(chat.chat.channel_id)
    for chat in chats:
        title = chat.chat.title or ""
        if chat.channel is None:
            _warn(console, title or "no title", f"left out: {chat.reason}")
            continue
        console.print(
            f"    {_safe(title or 'no title')} → [bold]{chat.channel}[/], "
            f"{_number(chat.posts, 'post')}",
            soft_wrap=True,
        )
        if chat.channel == f"c{chat.chat.channel_id}":
            name = title if title and len(ids_of[title]) == 1 else str(chat.chat.channel_id)
            console.print(
                "      exports carry no username; to give it one: "
                f"--chat {_safe(shlex.quote(name))}=<username>",
                soft_wrap=True,
            )
    left_out = found.chats_left_out
    if left_out:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(left_out.items()))
        console.print(f"    left out, not public and not read: {_safe(kinds)}", soft_wrap=True)


def _show_names(console: Console, found: Survey) -> None:
    """Say which names are guesses, which are missing, and how to give others."""
    guessed = {
        file.channel: (file, origin)
        for file in found.files
        if (origin := _ORIGINS.get(file.name.origin)) and not file.name.sure and file.named
    }
    for channel, (file, origin) in list(guessed.items())[:_LISTED]:
        option = f"--chat {shlex.quote(handle(file, found.files))}=<username>"
        console.print(
            f"    [bold]{channel}[/]: channel from {origin}; if that is wrong: {_safe(option)}",
            soft_wrap=True,
        )
    if len(guessed) > _LISTED:
        console.print(f"    and {len(guessed) - _LISTED} more channels from names of files")
    for old, new in found.renames.items():
        console.print(f"    {old} of the lake is now [bold]{new}[/]")
    for file in found.files:
        if file.records and (missing := way_out(file, found.files)) is not None:
            _warn(console, file.relative, missing)


def _channels(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f", {'channel' if len(names) == 1 else 'channels'} {', '.join(_few(list(names)))}"


def _few(names: list[str]) -> list[str]:
    return (
        names if len(names) <= _LISTED else [*names[:_LISTED], f"and {len(names) - _LISTED} more"]
    )


def show_import(console: Console, summary: ImportSummary) -> None:
    """Print what an import did, by channel."""
    for channel, one in sorted(summary.channels.items()):
        days = f"{one.first} … {one.last}" if one.first else "no day"
        console.print(
            f"[bold]{channel}[/]  {_number(one.records, 'record')} in {_number(one.files, 'file')}, {days}"
        )
        posts = {
            "new": one.new,
            "merged": one.changed,
            "unchanged": one.unchanged,
            "twice": one.duplicates,
            "quarantined": one.quarantined.total(),
        }
        images = {
            "matched": one.images,
            "named but absent": one.images_absent,
            "without a post": one.images_unmatched,
        }
        console.print(f"  posts   {_counts(posts)}")
        console.print(f"  images  {_counts(images)}")
    for channel, one in sorted(summary.channels.items()):
        _reasons(console, channel, one.quarantined)
        if one.mended:
            _warn(
                console,
                channel,
                f"{_number(one.mended, 'unstorable character')} replaced by U+FFFD",
            )
        if one.misdecoded:
            _warn(
                console,
                channel,
                f"{_number(one.misdecoded, 'text')} decoded wrongly before being saved, and kept so; "
                "export again as UTF-8 to mend that",
            )
    _reasons(console, "no channel", summary.quarantined)
    for file, reason in summary.unreadable[:_LISTED_FILES]:
        _warn(console, file, reason)
    if len(summary.unreadable) > _LISTED_FILES:
        _warn(
            console, "and", f"{len(summary.unreadable) - _LISTED_FILES:,} more; see the quarantine"
        )
    if summary.images_unmatched:
        _warn(
            console,
            "images",
            f"{_number(summary.images_unmatched, 'image')} of no post of this import",
        )
    if not summary.channels:
        console.print("Nothing was imported.")


def show_export(console: Console, folder: Path, summary: ExportSummary) -> None:
    """Say what an export holds."""
    console.print(
        f"[bold]{_safe(str(folder))}[/]  {_number(summary.posts, 'post')} in "
        f"{_number(summary.slices, 'slice')}, {_number(summary.images, 'image')}, "
        f"{summary.bytes / 1e6:,.1f} MB",
        soft_wrap=True,
    )
    for what, reason in summary.unreadable[:_LISTED_FILES]:
        _warn(console, what, reason)
    if len(summary.unreadable) > _LISTED_FILES:
        _warn(console, "and", f"{len(summary.unreadable) - _LISTED_FILES:,} more")


def _reasons(console: Console, whose: str, reasons: Counter[str]) -> None:
    for reason, count in reasons.most_common(_LISTED):
        _warn(console, whose, f"{count:,} quarantined: {reason}")
    if len(reasons) > _LISTED:
        rest = sum(count for _, count in reasons.most_common()[_LISTED:])
        _warn(console, whose, f"{rest:,} quarantined for other reasons")


def _warn(console: Console, whose: str, what: str) -> None:
    # Some reasons begin with what they are about.
    said = what.removeprefix(f"{whose}: ")
    console.print(f"  [yellow]![/] {_safe(whose)}: {_safe(said)}", soft_wrap=True)


def _safe(text: str) -> str:
    """Make a title or a name from outside safe to print: no markup, no control sequences."""
    return escape("".join(c if c.isprintable() else "�" for c in text))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in numbers.items())
