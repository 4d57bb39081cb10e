"""Pictures of posts: where one lies, in which size it is fetched, and whether it came whole."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from medwh_assets.errors import ImageError, UndeliveredImageError
from medwh_assets.lake.images import MAX_BYTES
from medwh_assets.telegram.client import TelegramClient

# Posts whose pictures are remembered from the walk; 400 bytes each.
_REMEMBERED: Final = 5000


@dataclass(frozen=True, slots=True)
class Size:
    """One of the sizes in which Telegram keeps a photo.

    Attributes:
        letter: Telegram's name for it (`x` is 800 pixels long, `y` 1280).
        longest: pixels of its longer side.
        bytes: of the file.
    """

    letter: str
    longest: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies. The key to it grows old within hours.

    Attributes:
        file_id: Telegram's id of the photo or document.
        access_hash: part of the key.
        reference: the part that grows old.
        dc_id: the data centre.
        letter: the size, or empty for a document.
        bytes: of the file.
        document: whether it was sent as a file.
    """

    file_id: int
    access_hash: int = field(repr=False)
    reference: bytes = field(repr=False)
    dc_id: int
    letter: str
    bytes: int
    document: bool


def choose_size(sizes: Iterable[Size], pixels: int) -> Size | None:
    """Choose the smallest size that is at least so long, else the longest."""
    known = sorted(sizes, key=lambda size: (size.longest, size.bytes, size.letter))
    return next((size for size in known if size.longest >= pixels), known[-1] if known else None)


def place_of(message: Any, pixels: int) -> Place | None:
    """Return where the picture of one of Telethon's messages lies, or None if it has none.

    Args:
        message: the message; a preview of a web page is no picture of it.
        pixels: longest side that is wanted at least.
    """
    from telethon.tl import types

    media = message.media
    if isinstance(media, types.MessageMediaPhoto) and isinstance(media.photo, types.Photo):
        photo = media.photo
        size = choose_size(_sizes(photo.sizes), pixels)
        if size is None:
            return None
        return Place(
            photo.id, photo.access_hash, photo.file_reference, photo.dc_id, size.letter, size.bytes,
            document=False,
        )  # fmt: skip
    if isinstance(media, types.MessageMediaDocument) and isinstance(media.document, types.Document):
        file = media.document
        if not file.mime_type.startswith("image/") or file.size <= 0:
            return None
        return Place(
            file.id, file.access_hash, file.file_reference, file.dc_id, "", file.size,
            document=True,
        )  # fmt: skip
    return None


def _sizes(sizes: Sequence[Any]) -> Iterable[Size]:
    from telethon.tl import types

    for size in sizes:
        if isinstance(size, types.PhotoSize):
            length = size.size
        elif isinstance(size, types.PhotoSizeProgressive):
            length = max(size.sizes, default=0)
        else:
            continue
        if length > 0:
            yield Size(size.type, max(size.w, size.h), length)


async def fetch(
    client: TelegramClient, place: Place, asked_at: datetime, *, in_passing: bool = False
) -> bytes:
    """Fetch a picture and check that all of it came.

    Args:
        client: asks for it.
        place: where it lies.
        asked_at: the run's logical time.
        in_passing: give up at the first trouble.

    Raises:
        ImageError: it is too large, or lies nowhere that could be asked.
        UndeliveredImageError: Telegram holds less of it than it says.
        AccountError, CoolingDownError, SourceUnreachableError, RPCError: as the client does.
    """
    from telethon.tl import types

    if place.bytes > MAX_BYTES:
        raise ImageError(f"too many bytes: {place.bytes // 1024**2} MB")
    location: Any
    if place.document:
        location = types.InputDocumentFileLocation(
            place.file_id, place.access_hash, place.reference, thumb_size=""
        )
    else:
        location = types.InputPhotoFileLocation(
            place.file_id, place.access_hash, place.reference, thumb_size=place.letter
        )
    content = b""
    for _ in range(1 if in_passing else 2):
        content = await client.download(
            location, dc_id=place.dc_id, size=place.bytes, most=MAX_BYTES, in_passing=in_passing
        )
        if len(content) == place.bytes:
            return content
    raise UndeliveredImageError(f"cut off: {len(content)} of {place.bytes} bytes", asked_at)


class Places:
    """Where the pictures of the last posts lie, so that most need no second look.

    Args:
        most: posts to remember; the longest unused is forgotten first.
    """

    def __init__(self, most: int = _REMEMBERED) -> None:
        """Start with none."""
        self._most = most
        self._places: OrderedDict[tuple[str, int], Place | None] = OrderedDict()

    def __contains__(self, post: tuple[str, int]) -> bool:
        return post in self._places

    def __getitem__(self, post: tuple[str, int]) -> Place | None:
        return self._places[post]

    def get(self, post: tuple[str, int]) -> Place | None:
        """Return where a post's picture lies, or None if that is unknown or it has none."""
        return self._places.get(post)

    def put(self, channel: str, message_id: int, place: Place | None) -> None:
        """Remember where a post's picture lies, or that it has none (any more)."""
        self._places[channel, message_id] = place
        self._places.move_to_end((channel, message_id))
        if len(self._places) > self._most:
            self._places.popitem(last=False)

    def forget(self, channel: str) -> None:
        """Forget a channel's places: the keys to them are too old."""
        for post in [post for post in self._places if post[0] == channel]:
            del self._places[post]
