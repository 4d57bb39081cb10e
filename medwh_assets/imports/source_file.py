"""One file of a dump, read through once to learn what it holds before anything is written.

Nothing of a chat is kept here but its type, until that has told that the chat is public.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from medwh_assets.imports.channel_names import (
    NOTHING,
    FileName,
    Says,
    as_channel,
    is_mixed,
    says_around,
    says_of,
    says_of_message,
)
from medwh_assets.imports.desktop_export import (
    PUBLIC_TYPES,
    Chat,
    chat_of,
    is_closed,
    is_export_chat,
    is_message,
    is_public,
)
from medwh_assets.imports.dump_file import Fields, Form, events, undecided
from medwh_assets.imports.json_stream import Broken, Closed, Opened, Record
from medwh_assets.imports.pictures import EXPORT_FILE
from medwh_assets.imports.spellings import DATE, ID
from medwh_assets.lake import telethon_message

Shape = Literal["scraped_lake", "desktop_export", "telethon_dump", "csv_dump"]

CHATLESS = (
    "messages of a Telegram Desktop export without their chat: import result.json itself, "
    "which says whether the chat is public"
)
_DAMAGED = "damaged before it says whether it is public"
_MAX_SAYS = 10_000
# What every Telegram Desktop export holds many of, whatever damage did to the rest.
_OF_EXPORTS = re.compile(
    rb'"(?:date_unixtime|text_entities|personal_information|personal_chat|saved_messages)"'
)
_LONGEST_OF_EXPORTS = 24
_UNKNOWN = Chat(None, None, "unknown")
_IDS, _DATES = frozenset(ID), frozenset(DATE)


@dataclass(slots=True)
class FoundChat:
    """A chat of a Telegram Desktop export.

    Attributes:
        chat: what the export says of it; of a chat that is not public only its type.
        posts: how many there are.
        late: whether its type was told after its messages.
        channel: its channel in the lake, or None if it is left out.
        reason: why a public chat is left out.
    """

    chat: Chat
    posts: int
    late: bool = False
    channel: str | None = None
    reason: str | None = None

    @property
    def public(self) -> bool:
        """Whether it is open to everybody."""
        return self.chat.type in PUBLIC_TYPES


@dataclass(frozen=True, slots=True)
class Envelope:
    """An object around posts that is no chat: what it says of them."""

    fields: Fields


@dataclass(slots=True)
class Noted:
    """What the records of a file, or of one object in it, say.

    Attributes:
        shapes: how many posts of which shape there are.
        says: what they say of their channels.
        count: how many records there are, of whatever kind.
        chatless: how many are messages of a chat that nobody knows.
    """

    shapes: Counter[Shape] = field(default_factory=Counter[Shape])
    says: set[Says] = field(default_factory=set[Says])
    count: int = 0
    chatless: int = 0
    # What all of them call a username, if it is the same; None before the first.
    _usernames: set[str | None] = field(default_factory=set[str | None])

    def add(self, raw: JsonValue, form: Form, *, sure: bool) -> None:
        """Take a record in; where posts are sure to be, whatever it is."""
        self.count += 1
        says = NOTHING
        shape: Shape = "csv_dump" if form == "csv" else "scraped_lake"
        if isinstance(raw, dict):
            if telethon_message.is_message(raw):
                shape, says = "telethon_dump", says_of_message(raw)
            elif is_message(raw):
                self.chatless += 1
                return
            elif sure or not (raw.keys().isdisjoint(_IDS) or raw.keys().isdisjoint(_DATES)):
                says = says_of(raw)
                username = raw.get("username")
                self._one_username(username if isinstance(username, str) else None)
            else:
                return
        elif not sure:
            return
        self.shapes[shape] += 1
        if says not in self.says and len(self.says) < _MAX_SAYS:
            self.says.add(says)

    def refuse(self) -> None:
        """Count a row that is no record."""
        self.count += 1
        self.shapes["csv_dump"] += 1
        self.says.add(NOTHING)

    def _one_username(self, username: str | None) -> None:
        if len(self._usernames) < 2:
            self._usernames.add(username)

    @property
    def username(self) -> str | None:
        """What all records of scripts call a username: the channel's, not of who wrote a post."""
        username = next(iter(self._usernames)) if len(self._usernames) == 1 else None
        return as_channel(username) if username is not None else None

    def take(self, other: "Noted", around: Says) -> None:
        """Take in what the records of an object say, and the object of them."""
        self.shapes += other.shapes
        self.says |= {says.within(around) for says in other.says}
        self.count += other.count
        self.chatless += other.chatless
        self._usernames |= other._usernames


@dataclass(slots=True)
class SourceFile:
    """A file that may hold posts.

    Attributes:
        path: where it lies.
        relative: the same below the dump's root, with `/`.
        form: how it is written.
        name: what its name says.
        observed_at: the folder's day as a logical time: its last second, as that day's posts were
            seen.
        noted: what its records say, but for those of chats.
        objects: chats and envelopes, in the file's order.
        usernames: of Telegram's answers, by id.
        titles: of Telegram's answers, by id.
        problems: why stretches of it cannot be read.
        withheld: why nothing of it may be read, if so.
        into: the channels that its posts belong to; None for those that name none.
    """

    path: Path
    relative: str
    form: Form
    name: FileName
    observed_at: datetime | None
    noted: Noted = field(default_factory=Noted)
    objects: list[FoundChat | Envelope] = field(default_factory=list[FoundChat | Envelope])
    usernames: dict[int, str] = field(default_factory=dict[int, str])
    titles: dict[int, str] = field(default_factory=dict[int, str])
    problems: list[str] = field(default_factory=list[str])
    withheld: str | None = None
    into: set[str | None] = field(default_factory=set[str | None])

    @property
    def channel(self) -> str | None:
        """The channel that its name or folder gives."""
        return self.name.channel

    @property
    def named(self) -> bool:
        """Whether posts come in under the name that the file has, for want of a better one."""
        return self.channel in self.into and not all(
            says.username or says.name for says in self.noted.says
        )

    @property
    def shapes(self) -> Counter[Shape]:
        """How many records of which shape it holds."""
        return self.noted.shapes

    @property
    def records(self) -> int:
        """How many records it holds, of whatever shape."""
        return self.noted.shapes.total()

    @property
    def chats(self) -> list[FoundChat]:
        """The chats of a Telegram Desktop export, in the file's order."""
        return [found for found in self.objects if isinstance(found, FoundChat)]

    def look(self) -> None:
        """Read the file through."""
        wanted = _Undecided()
        inner: Noted | None = None
        opened = Opened({}, skipped=True)
        for event in events(self.path, self.form, wanted):
            if isinstance(event, Record):
                (inner or self.noted).add(event.value, self.form, sure=self.name.sure)
            elif isinstance(event, Opened):
                inner, opened = Noted(), event
                # Until its end is seen nobody may read it.
                self.objects.append(FoundChat(_UNKNOWN, 0))
            elif isinstance(event, Closed):
                if inner is not None:
                    self._close(opened, event.fields, inner, of_account=wanted.of_account)
                inner = None
            elif isinstance(event, Broken):
                self.problems.append(event.reason)
            else:
                self.noted.refuse()
        self._settle()

    def _close(self, opened: Opened, fields: Fields, inner: Noted, *, of_account: bool) -> None:
        """Decide what an object was, now that all of it is known."""
        late = "type" not in opened.fields
        if opened.skipped:
            self.objects[-1] = FoundChat(replace(_UNKNOWN, type=chat_of(opened.fields).type), 0)
            return
        if (
            of_account
            or is_export_chat(opened.fields)
            or is_export_chat(fields)
            or is_closed(fields)
        ):
            chat = chat_of(fields)
            public = is_public(fields) and (
                not is_closed(fields) if late else is_public(opened.fields)
            )
            if public:
                self.objects[-1] = FoundChat(chat, inner.count, late)
                self.shapes["desktop_export"] += inner.count
            elif not is_public(fields):
                self.objects[-1] = FoundChat(replace(_UNKNOWN, type=chat.type), inner.count)
            return
        self.objects[-1] = Envelope(fields)
        self.noted.take(inner, says_around(fields))
        for chat_id, username, title in _answered(fields.get("chats")):
            if username is not None:
                self.usernames[chat_id] = username
            if title is not None:
                self.titles[chat_id] = title

    def _settle(self) -> None:
        if self.problems:
            # Damage may have changed which messages stand in which chat.
            for at, found in enumerate(self.objects):
                if isinstance(found, FoundChat) and found.late and found.public:
                    self.shapes["desktop_export"] -= found.posts
                    self.objects[at] = FoundChat(_UNKNOWN, 0, reason=_DAMAGED)
        several = self.noted.says
        name = self.name
        if name.channel is None and self.noted.username is not None:
            name = FileName(self.noted.username, "records")
        said = {says.username or says.name for says in several} - {None}
        # Where some records name another channel, the file's name may not be that of the rest.
        mixed = is_mixed(several) or not (name.sure or said <= {name.channel})
        self.name = FileName(name.channel, name.origin, name.sure, mixed)


class _Undecided:
    """Lets everything be looked at that may turn out to be public; remembers what was asked."""

    of_account = False

    def __call__(self, fields: Fields, of_account: bool) -> bool:
        self.of_account = of_account
        return undecided(fields, of_account)


def _answered(chats: JsonValue) -> list[tuple[int, str | None, str | None]]:
    """Read the chats that Telegram's answers bring along with their messages."""
    found: list[tuple[int, str | None, str | None]] = []
    for chat in chats if isinstance(chats, list) else ():
        if isinstance(chat, Mapping) and type(chat_id := chat.get("id")) is int:
            username, title = chat.get("username"), chat.get("title")
            found.append(
                (
                    chat_id,
                    as_channel(username) if isinstance(username, str) else None,
                    title.strip() if isinstance(title, str) else None,
                )
            )
    return found


def may_be_export(path: Path) -> bool:
    """Whether a file is, or was before it was damaged, a Telegram Desktop export.

    Packed bytes that are damaged unpack as copies of others: the word that makes a chat public may
    then stand in a private one, and nothing tells.
    """
    if path.name == EXPORT_FILE:
        return True
    with path.open("rb") as stream:
        tail = b""
        while piece := stream.read(2**20):
            if _OF_EXPORTS.search(tail + piece):
                return True
            tail = piece[-_LONGEST_OF_EXPORTS:]
    return False
