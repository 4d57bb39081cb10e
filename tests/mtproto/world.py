"""The world that all data centres share: accounts, channels, files, keys, and what goes wrong.

Tests change it while clients are connected; every method takes the world's lock, and requests are
answered under it.
"""

import os
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from telethon.tl import TLObject, types

from .calls import Calls
from .channels import FIRST_DAY, Channel, User
from .envelope import SharedKey
from .faults import Faults
from .media import Document, File, Photo, PhotoSize, access_hash


@dataclass
class Account:
    """Somebody who can log in: with a code, a QR code, and a password if there is one."""

    id: int
    phone: str
    first_name: str = "Reader"
    password: str | None = None
    code: str = "12345"
    """What the next login code will be."""
    home_dc: int | None = None
    """The only data centre where it can log in; None for any."""
    banned: bool = False
    """Every request is answered with USER_DEACTIVATED_BAN."""

    def as_tl(self) -> types.User:
        return types.User(
            id=self.id,
            is_self=True,
            access_hash=access_hash("user", self.id),
            first_name=self.first_name,
            phone=self.phone,
        )


@dataclass
class Key:
    """A key that one data centre knows, and who is logged in with it."""

    shared: SharedKey
    dc_id: int
    account: Account | None = None
    half_way: Account | None = None
    """Who has given the code or scanned the QR code, but not yet the password."""
    srp: tuple[int, int] | None = field(default=None, repr=False)
    """The id of the last password question, and the server's secret number in it."""


@dataclass
class LoginToken:
    """A QR code: shown by the client with a key, accepted by an account."""

    key: Key
    expires: datetime
    accepted_by: Account | None = None


class World:
    """What there is, for any number of data centres.

    Args:
        gzip: answers longer than 512 bytes are compressed, as Telegram does when it pays.
        check_salts: messages with an old salt are sent back, as Telegram does.
    """

    def __init__(self, *, gzip: bool = False, check_salts: bool = True) -> None:
        self.gzip = gzip
        self.check_salts = check_salts
        self.lock = threading.RLock()
        self.calls = Calls()
        self.faults = Faults()
        self.accounts: dict[int, Account] = {}
        self.channels: dict[int, Channel] = {}
        self.users: dict[int, User] = {}
        self.files: dict[int, File] = {}
        self.truncated: dict[int, int] = {}
        self.keys: dict[tuple[int, int], Key] = {}
        self.addresses: dict[int, tuple[str, int]] = {}
        self.login_tokens: dict[bytes, LoginToken] = {}
        self.codes: dict[str, tuple[str, str]] = {}
        self.exported: dict[bytes, Account] = {}
        self.file_epoch = 1
        self.login_token_seconds = 30.0
        self._next_file = 9_000_000_001
        self._paces: dict[str, tuple[float, float]] = {}
        self._scanned: dict[int, Callable[[Key], None]] = {}

    # People.

    def add_account(
        self,
        number: int = 1001,
        phone: str = "251900000001",
        *,
        password: str | None = None,
        home_dc: int | None = None,
    ) -> Account:
        """Add an account; `phone` is digits only."""
        with self.lock:
            account = Account(number, phone, password=password, home_dc=home_dc)
            self.accounts[number] = account
            return account

    def add_user(
        self,
        number: int,
        first_name: str = "Somebody",
        username: str | None = None,
        *,
        bot: bool = False,
    ) -> User:
        """Add somebody who writes in groups."""
        with self.lock:
            user = self.users[number] = User(number, first_name, username, bot)
            return user

    def add_key(self, dc_id: int, account: Account | None = None) -> Key:
        """Make a key that a data centre knows already, logged in as an account or as nobody."""
        with self.lock:
            return self.know(Key(SharedKey(os.urandom(256)), dc_id, account))

    def know(self, key: Key) -> Key:
        """Let a data centre know a key."""
        with self.lock:
            self.keys[key.dc_id, key.shared.id] = key
            return key

    def forget_keys(self) -> None:
        """Let every data centre forget every key: clients are told -404."""
        with self.lock:
            self.keys.clear()

    def log_out(self, account: Account) -> None:
        """End all of an account's sessions: clients are told AUTH_KEY_UNREGISTERED."""
        with self.lock:
            for key in self.keys.values():
                if key.account is account:
                    key.account = None

    def scan(self, url: str, account: Account) -> None:
        """Scan the QR code that a client shows (`tg://login?token=…`) with an account's phone.

        Raises:
            KeyError: the code was never shown or is used.
        """
        text = url.rpartition("token=")[2]
        self.accept(urlsafe_b64decode(text + "=" * (-len(text) % 4)), account)

    def accept(self, token: bytes, account: Account) -> None:
        """Accept a login token and tell the client that showed it.

        Raises:
            KeyError: the token was never shown or is used.
        """
        with self.lock:
            shown = self.login_tokens[token]
            shown.accepted_by = account
            tell = self._scanned.get(shown.key.dc_id)
        if tell:
            tell(shown.key)

    def on_scan(self, dc_id: int, tell: Callable[[Key], None]) -> None:
        """Let a data centre know when a login token of one of its clients is accepted."""
        self._scanned[dc_id] = tell

    # Channels.

    def add_channel(
        self,
        number: int,
        username: str | None,
        title: str | None = None,
        *,
        about: str = "",
        subscribers: int | None = None,
        group: bool = False,
        ttl_period: int | None = None,
    ) -> Channel:
        """Add a channel, or a supergroup; `ttl_period` is in seconds."""
        with self.lock:
            channel = self.channels[number] = Channel(
                number,
                username,
                title or username or f"Channel {number}",
                lock=self.lock,
                about=about,
                subscribers=subscribers,
                group=group,
                ttl_period=ttl_period,
            )
            return channel

    # Files.

    def add_photo(
        self,
        content: bytes,
        *,
        id: int | None = None,
        width: int = 1280,
        height: int = 960,
        dc_id: int = 1,
        date: datetime = FIRST_DAY,
        smaller: Mapping[str, bytes] | None = None,
        stripped: bytes | None = b"\x01\x28\x28" + bytes(20),
    ) -> Photo:
        """Add a photo: `content` is its largest size `y`, which is progressive.

        Args:
            content: the JPEG of the largest size.
            id: the photo's number, chosen if not given. The same number again is the same photo.
            width: of the largest size, in pixels.
            height: of the largest size, in pixels.
            dc_id: the data centre where it lies.
            date: when it was sent.
            smaller: the JPEGs of other sizes by letter; without it, `m` and `x` have the content
                of the largest.
            stripped: the preview inside the message.
        """
        with self.lock:
            smaller = {"m": content, "x": content} if smaller is None else smaller
            sizes = tuple(
                PhotoSize(letter, *_fit(width, height, _LONGEST.get(letter, 1280)), body)
                for letter, body in smaller.items()
            )
            largest = PhotoSize("y", width, height, content, progressive=True)
            photo = Photo(self._number(id), dc_id, date, (*sizes, largest), stripped)
            self.files[photo.id] = photo
            return photo

    def add_document(
        self,
        content: bytes,
        mime_type: str,
        *,
        file_name: str | None = None,
        id: int | None = None,
        width: int | None = None,
        height: int | None = None,
        dc_id: int = 1,
        date: datetime = FIRST_DAY,
        attributes: tuple[TLObject, ...] = (),
        thumbs: tuple[PhotoSize, ...] = (),
    ) -> Document:
        """Add a file; with width and height it is one that is shown as an image."""
        with self.lock:
            named = (types.DocumentAttributeFilename(file_name),) if file_name else ()
            shown = (types.DocumentAttributeImageSize(width, height),) if width and height else ()
            document = Document(
                self._number(id),
                dc_id,
                date,
                content,
                mime_type,
                (*shown, *named, *attributes),
                thumbs,
            )
            self.files[document.id] = document
            return document

    def truncate(self, file: File, length: int) -> None:
        """Let a file end after so many bytes, though messages say that it is longer."""
        with self.lock:
            self.truncated[file.id] = length

    def expire_file_references(self) -> None:
        """Let all references to files that were given out be too old: FILE_REFERENCE_EXPIRED."""
        with self.lock:
            self.file_epoch += 1

    def _number(self, number: int | None) -> int:
        if number is None:
            number = self._next_file
            self._next_file += 1
        return number

    # Time.

    def pace(self, kind: str, seconds: float) -> None:
        """Let answers to one kind of request leave no faster than one in so many seconds."""
        with self.lock:
            self._paces[kind] = (seconds, 0.0)

    def delay_of(self, kind: str) -> float:
        """Return in how many seconds the answer to a request that came now may leave."""
        if kind not in self._paces:
            return 0.0
        seconds, free = self._paces[kind]
        now = time.monotonic()
        leaves = max(now, free)
        self._paces[kind] = (seconds, leaves + seconds)
        return leaves - now


_LONGEST = {"s": 100, "m": 320, "x": 800, "y": 1280, "w": 2560}


def _fit(width: int, height: int, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
