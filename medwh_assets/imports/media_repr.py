"""Telethon media that a script wrote down with `str()`: parsed as text, never evaluated.

`MessageMediaPhoto(photo=Photo(id=…, sizes=[PhotoSize(type='m', w=320, …)]))` is Python's syntax
for a call, so Python's own parser takes it apart; nothing is looked up and nothing is called.
"""

import ast
import re
import warnings
from collections.abc import Iterator

from medwh_assets.lake.records import MAX_INT, Media, MediaKind, mend

# A repr of 78 kB is the longest seen (a web page with its preview); a parser fed more is at risk.
MAX_CHARACTERS = 200_000

_KINDS: dict[str, MediaKind] = {
    "MessageMediaPhoto": "photo",
    "MessageMediaDocument": "document",
    "MessageMediaWebPage": "webpage",
    "MessageMediaPoll": "poll",
    "MessageMediaGeo": "location",
    "MessageMediaGeoLive": "location",
    "MessageMediaVenue": "location",
    "MessageMediaContact": "contact",
}
_DOCUMENT_KINDS: dict[str, MediaKind] = {
    "DocumentAttributeSticker": "sticker",
    "DocumentAttributeAnimated": "animation",
    "DocumentAttributeVideo": "video",
    "DocumentAttributeAudio": "audio",
}


def media_from_repr(text: str) -> Media | None:
    """Describe the media that a repr stands for, or None if it stands for nothing.

    A repr that cannot be parsed still tells its kind by its first word.
    """
    found = re.match(r"\s*(?:[\w.]+\.)?(MessageMedia\w+)\(", text)
    if found is None or found[1] == "MessageMediaEmpty":
        return None
    kind = _KINDS.get(found[1], "other")
    call = _parse(text)
    if call is None:
        return Media(kind=kind)
    if kind == "photo":
        return _photo(_argument(call, "photo"))
    if kind == "document":
        return _document(_argument(call, "document"))
    return Media(kind=kind)


def _parse(text: str) -> ast.Call | None:
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            # What Python thinks of escapes and the like is of no interest here.
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return body if isinstance(body, ast.Call) else None


def _photo(photo: ast.expr | None) -> Media:
    width, height, size = max(_sizes(_argument(photo, "sizes")), default=(None, None, None))
    return Media(
        kind="photo",
        mime_type="image/jpeg",
        photo_id=_number(_argument(photo, "id")),
        width=width,
        height=height,
        size_bytes=size,
    )


def _sizes(sizes: ast.expr | None) -> Iterator[tuple[int, int, int]]:
    for size in sizes.elts if isinstance(sizes, ast.List) else ():
        width, height = _number(_argument(size, "w")), _number(_argument(size, "h"))
        steps = _argument(size, "sizes")
        numbers = steps.elts if isinstance(steps, ast.List) else [_argument(size, "size")]
        known = [number for number in map(_number, numbers) if number is not None]
        if width is not None and height is not None and known:
            yield width, height, max(known)


def _document(document: ast.expr | None) -> Media:
    attributes = _argument(document, "attributes")
    calls = (
        [c for c in attributes.elts if isinstance(c, ast.Call)]
        if isinstance(attributes, ast.List)
        else []
    )
    names = [_name(call) for call in calls]
    kinds: list[MediaKind] = [kind for name, kind in _DOCUMENT_KINDS.items() if name in names]
    return Media(
        kind=kinds[0] if kinds else "document",
        mime_type=_string(_argument(document, "mime_type")),
        size_bytes=_number(_argument(document, "size")),
        file_name=next((s for c in calls if (s := _string(_argument(c, "file_name")))), None),
        width=next((n for c in calls if (n := _number(_argument(c, "w"))) is not None), None),
        height=next((n for c in calls if (n := _number(_argument(c, "h"))) is not None), None),
    )


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _argument(node: ast.expr | None, name: str) -> ast.expr | None:
    if not isinstance(node, ast.Call):
        return None
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _number(node: ast.expr | None) -> int | None:
    if isinstance(node, ast.Constant) and type(node.value) is int and 0 <= node.value <= MAX_INT:
        return node.value
    return None


def _string(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        # A repr's escapes may spell what its own characters could not.
        return mend(node.value)[0]
    return None
