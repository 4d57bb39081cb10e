"""An account's memory that lasts as long as the test."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from medwh_assets.errors import SourceBusyError
from medwh_assets.lake.ports import ChannelStatus, KnownPeer, Realm


@dataclass(frozen=True)
class Note:
    """How an attempt on a channel ended."""

    channel: str
    status: ChannelStatus
    detail: str
    at: datetime


@dataclass
class RememberedAccount:
    """`AccountState` in plain attributes."""

    peers: dict[str, KnownPeer] = field(default_factory=dict[str, KnownPeer])
    photos: dict[int, str] = field(default_factory=dict[int, str])
    notes: list[Note] = field(default_factory=list[Note])
    until: datetime | None = None
    why: str = ""
    names_until: datetime | None = None
    files_until: datetime | None = None
    user_id: int | None = 1001
    busy: bool = False

    @contextmanager
    def operation(self) -> Generator[None]:
        """Refuse a second operation at once, where the real one waits first."""
        if self.busy:
            raise SourceBusyError("another run reads Telegram; try again when it is done")
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def peer(self, channel: str) -> KnownPeer | None:
        """Return how a channel is addressed."""
        return self.peers.get(channel)

    def remember_peer(self, channel: str, peer: KnownPeer) -> None:
        """Keep how a channel is addressed."""
        self.peers[channel] = peer

    def forget_peer(self, channel: str) -> None:
        """Drop an address."""
        self.peers.pop(channel, None)

    def owner(self) -> int | None:
        """Return whose session this is."""
        return self.user_id

    def belongs_to(self, user_id: int) -> None:
        """Keep whose session this is."""
        self.user_id = user_id

    def cooldown(self, realm: Realm = "all") -> datetime | None:
        """Return until when nothing may be asked."""
        return {"all": self.until, "names": self.names_until, "files": self.files_until}[realm]

    def cool_down(self, until: datetime, why: str, realm: Realm = "all") -> None:
        """Let nothing be asked until then."""
        self.why = why
        if realm == "all":
            self.until = until
        elif realm == "names":
            self.names_until = until
        else:
            self.files_until = until

    def note(self, channel: str, status: ChannelStatus, detail: str, at: datetime) -> None:
        """Keep how an attempt ended."""
        self.notes.append(Note(channel, status, detail, at))

    def photo(self, photo_id: int) -> str | None:
        """Return where a photo lies."""
        return self.photos.get(photo_id)

    def remember_photo(self, photo_id: int, path: str) -> None:
        """Keep where a photo lies."""
        self.photos[photo_id] = path

    def last(self, channel: str) -> ChannelStatus | None:
        """Return the channel's newest status."""
        return next((n.status for n in reversed(self.notes) if n.channel == channel), None)
