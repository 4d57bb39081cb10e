"""One file of a dump as a stream of records, whether it is JSON, JSON lines or CSV."""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Literal

from pydantic import JsonValue

from medwh_assets.imports.channel_names import is_plain
from medwh_assets.imports.csv_dump import looks_like_csv, missing_columns, read_rows
from medwh_assets.imports.desktop_export import is_closed, is_export_chat, is_public
from medwh_assets.imports.found import Refused, Unread
from medwh_assets.imports.json_stream import LISTS, Broken, Closed, Fields, Opened, Record, walk
from medwh_assets.imports.spellings import ID
from medwh_assets.imports.text_stream import NotTextError, repaired_escapes, text_chunks

Form = Literal["json", "csv"]
Event = Opened | Record | Closed | Broken | Refused

_SUFFIXES: dict[str, Form] = {
    ".json": "json", ".jsonl": "json", ".ndjson": "json", ".csv": "csv", ".tsv": "csv", ".txt": "csv",
}  # fmt: skip
# Files that hold data, and why no posts are read from them.
_OTHERS = {
    ".html": "an HTML export: export again as Machine-readable JSON",
    ".xlsx": "an Excel workbook: save it as CSV UTF-8",
    ".parquet": "a Parquet table that medwh did not write: save it as CSV or JSON lines",
    ".gz": "packed: unpack it, or import the archive by itself",
    ".zip": "packed: unpack it, or import the archive by itself",
}
_HEAD = 64 * 2**10
_RECODE = "save it as UTF-8 (Excel: CSV UTF-8)"

Wanted = Callable[[Fields, bool], bool]


def is_data(name: str) -> bool:
    """Whether a file's name is that of data, of whatever kind."""
    suffix = PurePath(name).suffix.lower()
    return suffix in _SUFFIXES or suffix in _OTHERS


def form_of(path: Path) -> Form | Unread:
    """Return what a file's name and first characters say that it is, or why no records are read."""
    suffix = path.suffix.lower()
    form = _SUFFIXES.get(suffix)
    if form is None:
        return Unread(_OTHERS.get(suffix, "neither JSON nor CSV"))
    try:
        with path.open("rb") as stream:
            head = next(text_chunks(stream, size=_HEAD), "").lstrip()
    except OSError as error:
        return Unread(f"cannot be opened ({error.strerror})")
    except NotTextError as error:
        return Unread(f"{error}: {_RECODE}")
    if not head:
        return Unread("empty file")
    if head[0] in "[{":
        return "json"
    if form == "json":
        return Unread("neither a list nor an object")
    return "csv" if looks_like_csv(head) else Unread(missing_columns(head))


def events(path: Path, form: Form, wanted: Wanted) -> Iterator[Event]:
    """Read a file to its end, whatever is in it; nothing but memory errors can leave this.

    Args:
        path: the file.
        form: how it is written.
        wanted: asked, once for each object with a list of posts, whether these may be read: with its
            fields so far, and whether it is a chat of a whole account.
    """
    try:
        with path.open("rb") as stream:
            chunks = text_chunks(stream)
            if form == "json":
                yield from _spread(walk(repaired_escapes(chunks), wanted, is_closed), wanted)
                return
            for row in read_rows(chunks):
                if isinstance(row, Unread):
                    yield Broken(row.reason)
                else:
                    yield row if isinstance(row, Refused) else Record(row)
    except NotTextError as error:
        yield Broken(f"{error}: {_RECODE}")
    except OSError as error:
        yield Broken(f"cannot be opened ({error.strerror})")


def undecided(fields: Fields, of_account: bool) -> bool:
    """Whether posts have to be looked at to know whether they may be read.

    An export whose keys were sorted names the type of a chat after its messages.
    """
    if is_public(fields):
        return True
    if of_account and "type" in fields:
        return False
    return not (is_export_chat(fields) or is_closed(fields))


def _spread(found: Iterator[Event], wanted: Wanted) -> Iterator[Event]:
    """Make objects with a list of posts of one that holds several of them."""
    inside = False
    for event in found:
        if isinstance(event, Record):
            if not inside and (several := _several(event.value)):
                for fields, posts in several:
                    allowed = wanted(fields, False)
                    yield Opened(fields, skipped=not allowed)
                    if allowed:
                        yield from map(Record, posts)
                    yield Closed(fields if allowed else {})
                continue
        elif isinstance(event, Opened):
            inside = True
        elif isinstance(event, Closed):
            inside = False
        yield event


def _several(value: JsonValue) -> list[tuple[Fields, list[JsonValue]]]:
    """Return the channels of `{"channels": [{…, "messages": […]}]}`, `{"<channel>": […]}` and the like."""
    if not isinstance(value, dict):
        return []
    listed = value.get("channels")
    if isinstance(listed, list) and value.keys().isdisjoint(ID):
        return [inner for item in listed if (inner := _inner(item)) is not None]
    # Most records end here: their first field is an id.
    for posts in value.values():
        if not isinstance(posts, list) or not posts or not all(map(_is_post, posts)):
            return []
    return [
        ({} if is_plain(name) else {"channel": name}, posts)
        for name, posts in value.items()
        if isinstance(posts, list)
    ]


def _is_post(value: JsonValue) -> bool:
    return isinstance(value, dict) and not value.keys().isdisjoint(ID)


def _inner(item: JsonValue) -> tuple[Fields, list[JsonValue]] | None:
    if not isinstance(item, dict):
        return None
    for name in LISTS:
        posts = item.get(name)
        if isinstance(posts, list):
            return {key: value for key, value in item.items() if key != name}, posts
    return None
