"""Files: parts of photos and documents, with Telegram's rules about where and how to ask."""

from datetime import UTC, datetime
from typing import Any

from telethon.tl import types

from .faults import FILE_REFERENCE_EXPIRED, RefusedError, Truncate, file_migrate
from .media import access_hash, file_reference
from .requests import Handler, Request, refuse

_BLOCK = 4096
_PRECISE_BLOCK = 1024
_MEGABYTE = 1 << 20


def get_file(request: Request) -> object:
    body = request.body
    location: Any = body.location
    file = request.world.files.get(getattr(location, "id", 0))
    if file is None or location.access_hash != access_hash("file", file.id):
        raise refuse("FILE_ID_INVALID")
    if file.dc_id != request.dc_id:
        raise RefusedError(file_migrate(file.dc_id))
    if location.file_reference != file_reference(request.world.file_epoch, file.id):
        raise RefusedError(FILE_REFERENCE_EXPIRED)
    content = file.content(location.thumb_size)
    if content is None:
        raise refuse("LOCATION_INVALID")
    _check_part(body)
    content = content[: request.world.truncated.get(file.id, len(content))]
    part = content[body.offset : body.offset + body.limit]
    if isinstance(request.fault, Truncate):
        part = part[: request.fault.length]
    return types.upload.File(
        type=_type_of(content), mtime=int(datetime.now(UTC).timestamp()), bytes=part
    )


def _check_part(body: Any) -> None:
    """Parts are whole blocks and lie within one megabyte of the file."""
    block = _PRECISE_BLOCK if body.precise else _BLOCK
    if body.offset < 0 or body.offset % block:
        raise refuse("OFFSET_INVALID")
    if not 0 < body.limit <= _MEGABYTE or body.limit % block:
        raise refuse("LIMIT_INVALID")
    if body.offset // _MEGABYTE != (body.offset + body.limit - 1) // _MEGABYTE:
        raise refuse("LIMIT_INVALID")


def _type_of(content: bytes) -> Any:
    if content.startswith(b"\xff\xd8\xff"):
        return types.storage.FileJpeg()
    if content.startswith(b"\x89PNG"):
        return types.storage.FilePng()
    return types.storage.FileUnknown()


OPEN: dict[str, Handler] = {}
LOGGED_IN: dict[str, Handler] = {"upload.getFile": get_file}
