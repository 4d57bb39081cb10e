"""One file of a dump as a stream of records, whether it is JSON, JSON lines or CSV."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from medwh_assets.imports.csv_dump import looks_like_csv, read_rows
from medwh_assets.imports.desktop_export import is_closed, is_export_chat, is_public
from medwh_assets.imports.found import Refused, Unread
from medwh_assets.imports.json_stream import Broken, Closed, Fields, Opened, Record, walk
from medwh_assets.imports.text_stream import NotTextError, repaired_escapes, text_chunks

Form = Literal["json", "csv"]
Event = Opened | Record | Closed | Broken | Refused

_SUFFIXES: dict[str, Form] = {
    ".json": "json", ".jsonl": "json", ".ndjson": "json", ".csv": "csv", ".tsv": "csv", ".txt": "csv",
}  # fmt: skip
_HEAD = 64 * 2**10


def form_of(path: Path) -> Form | None:
    """Return what a file's name and first characters say that it is, or None if it holds no records."""
    form = _SUFFIXES.get(path.suffix.lower())
    if form is None:
        return None
    try:
        with path.open("rb") as stream:
            head = next(text_chunks(stream, size=_HEAD), "").lstrip()
    except (OSError, NotTextError):
        return None
    if not head or head[0] in "[{":
        return "json"
    return "csv" if form == "csv" and looks_like_csv(head) else None


def events(path: Path, form: Form) -> Iterator[Event]:
    """Read a file to its end, whatever is in it; nothing but memory errors can leave this.

    Chats of a Telegram Desktop export that are not public are passed over.
    """
    try:
        with path.open("rb") as stream:
            chunks = text_chunks(stream)
            if form == "json":
                yield from walk(repaired_escapes(chunks), _wanted, is_closed)
                return
            for row in read_rows(chunks):
                if isinstance(row, Unread):
                    yield Broken(row.reason)
                else:
                    yield row if isinstance(row, Refused) else Record(row)
    except NotTextError as error:
        yield Broken(str(error))
    except OSError as error:
        yield Broken(f"cannot be opened ({error.strerror})")


def _wanted(fields: Fields, of_account: bool) -> bool:
    return is_public(fields) or not (of_account or is_export_chat(fields) or is_closed(fields))
