"""Channels and supergroups, their posts, and how both change.

Posts stand in the order of their ids, and a later id has no earlier date, as in Telegram. They are
made one by one or by a function of the id, which is asked only when a post is served: a hundred
thousand posts cost nothing until they are read.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import TLObject, types

from .media import Document, File, Photo, Poll, access_hash
from .wire import Serialised

FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)

# Posts of a channel that are kept as they were written, about 10 MB.
_KEPT = 20_000


@dataclass(frozen=True)
class User:
    """Somebody who writes in a supergroup; a program, with `bot`."""

    id: int
    first_name: str = "Somebody"
    username: str | None = None
    bot: bool = False

    def as_tl(self) -> types.User:
        return types.User(
            id=self.id,
            access_hash=access_hash("user", self.id),
            first_name=self.first_name,
            username=self.username,
            bot=self.bot,
            bot_info_version=1 if self.bot else None,
        )


@dataclass(frozen=True)
class Forward:
    """Where a post came from: a channel of the world and its post, or no more than a name."""

    date: datetime
    channel: "Channel | None" = None
    post: int | None = None
    name: str | None = None
    author: str | None = None

    def as_tl(self) -> types.MessageFwdHeader:
        return types.MessageFwdHeader(
            date=self.date,
            from_id=types.PeerChannel(self.channel.id) if self.channel is not None else None,
            from_name=self.name,
            channel_post=self.post,
            post_author=self.author,
        )


@dataclass(frozen=True, kw_only=True)
class Post:
    """One message of a channel. What is None or empty is absent on the wire too.

    `text` may be bytes that are no UTF-8. `media` may be any media object of Telethon's. Reactions
    are counted by emoji, or by the number of a custom emoji. With an `action` it is a service
    message, which has neither text nor counters.
    """

    id: int
    date: datetime
    text: str | bytes = ""
    entities: tuple[TLObject, ...] = ()
    media: Photo | Document | Poll | TLObject | None = None
    views: int | None = None
    forwards: int | None = None
    replies: int | None = None
    reactions: Mapping[str | int, int] = field(default_factory=dict[str | int, int])
    edit_date: datetime | None = None
    edit_hide: bool = False
    grouped_id: int | None = None
    reply_to: int | None = None
    forwarded_from: Forward | None = None
    author: str | None = None
    sender: User | None = None
    pinned: bool = False
    ttl_period: int | None = None
    action: TLObject | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A post as it was last served, and whom it names."""

    epoch: int
    message: Serialised
    origin: "Channel | None"
    sender: User | None


@dataclass(frozen=True)
class _Made:
    ids: range
    make: Callable[[int], Post]


class Channel:
    """A channel (or, with `group`, a supergroup). Made by `World.add_channel`.

    All methods may be called while clients are reading.
    """

    def __init__(
        self,
        number: int,
        username: str | None,
        title: str,
        *,
        lock: AbstractContextManager[Any],
        about: str = "",
        subscribers: int | None = None,
        group: bool = False,
        ttl_period: int | None = None,
    ) -> None:
        self.id = number
        self.username = username
        self.title = title
        self.about = about
        self.subscribers = subscribers
        self.group = group
        self.ttl_period = ttl_period
        self.discussion: int | None = None
        """The id of the group in which its posts are commented on."""
        self.private = False
        """Nobody may read it (any more): its name is found, all else is CHANNEL_PRIVATE."""
        self._lock = lock
        self._ids: list[int] = []
        self._posts: dict[int, Post] = {}
        self._made: list[_Made] = []
        self._gaps: set[int] = set()
        self._risen = (0, 0, 0)
        self._written: dict[int, Written] = {}

    # What a test writes.

    def post(
        self,
        text: str | bytes = "",
        *,
        id: int | None = None,
        date: datetime | None = None,
        views: int | None = None,
        forwards: int | None = None,
        **fields: Any,
    ) -> Post:
        """Add a post and return it.

        Without an id it follows the last one; without a date it comes a minute after it. A channel's
        posts have views and forwards even where none are given, a group's have not.

        Raises:
            ValueError: a post with this id is there, or the date breaks the order.
        """
        with self._lock:
            number = id if id is not None else self._ids[-1] + 1 if self._ids else 1
            before = self._before(number)
            if date is None:
                date = before.date + timedelta(minutes=1) if before else FIRST_DAY
            if number in self or (before and before.date > date):
                raise ValueError(f"post {number} of {date} does not fit the channel's order")
            counted = not self.group and fields.get("action") is None
            post = Post(
                id=number,
                date=date,
                text=text,
                views=0 if views is None and counted else views,
                forwards=0 if forwards is None and counted else forwards,
                **fields,
            )
            insort(self._ids, number)
            self._posts[number] = post
            return post

    def album(self, *media: File, text: str = "", grouped_id: int, **fields: Any) -> list[Post]:
        """Add one post for each photo or document; only the first carries the text."""
        return [
            self.post("" if number else text, media=item, grouped_id=grouped_id, **fields)
            for number, item in enumerate(media)
        ]

    def generate(
        self, count: int, make: Callable[[int], Post], *, first: int | None = None
    ) -> None:
        """Add many posts without making them: `make` is asked for an id whenever it is served.

        It must give the same post for the same id, and dates that never fall.

        Raises:
            ValueError: the ids would not follow the last one.
        """
        with self._lock:
            last = self._ids[-1] if self._ids else 0
            start = last + 1 if first is None else first
            if start <= last:
                raise ValueError(f"ids from {start} on do not follow {last}")
            ids = range(start, start + count)
            self._ids.extend(ids)
            self._made.append(_Made(ids, make))

    def change(self, number: int, **fields: Any) -> Post:
        """Replace fields of a post and return it.

        Raises:
            KeyError: there is no such post.
        """
        with self._lock:
            self._posts[number] = post = replace(self._plain(number), **fields)
            self._written.pop(number, None)
            return post

    def edit(self, number: int, *, at: datetime, hide: bool = False, **fields: Any) -> Post:
        """Change a post so that readers see when; `hide` is for what is no visible edit."""
        return self.change(number, edit_date=at, edit_hide=hide, **fields)

    def delete(self, *numbers: int, leaving_gaps: bool = False) -> None:
        """Delete posts.

        With gaps their places still count when a page is cut out of the history, so that pages are
        short (or empty) in the middle.

        Raises:
            KeyError: there is no such post.
        """
        with self._lock:
            for number in numbers:
                if number not in self:
                    raise KeyError(number)
            if leaving_gaps:
                self._gaps.update(numbers)
            else:
                gone = set(numbers)
                self._ids = [number for number in self._ids if number not in gone]
            for number in numbers:
                self._posts.pop(number, None)
                self._written.pop(number, None)

    def raise_counters(self, views: int = 0, forwards: int = 0, replies: int = 0) -> None:
        """Let the counters of every post rise, now and of those that come later."""
        with self._lock:
            old = self._risen
            self._risen = (old[0] + views, old[1] + forwards, old[2] + replies)
            self._written.clear()

    def rename(self, username: str | None) -> None:
        """Give the channel another name; its id stays, and the old name is free."""
        with self._lock:
            self.username = username

    # What a test and the server read.

    def __contains__(self, number: int) -> bool:
        at = bisect_left(self._ids, number)
        return self._ids[at : at + 1] == [number] and number not in self._gaps

    def __getitem__(self, number: int) -> Post:
        """Return a post as it is served now.

        Raises:
            KeyError: there is none with this id.
        """
        with self._lock:
            return self._counted(self._plain(number))

    @property
    def count(self) -> int:
        """How many posts there are."""
        return len(self._ids) - len(self._gaps)

    @property
    def ids(self) -> list[int]:
        """The ids of all posts, rising."""
        return [number for number in self._ids if number not in self._gaps]

    def places(self) -> Sequence[int]:
        """The ids that count when a page is cut, rising: posts, and posts that left a gap."""
        return self._ids

    def date_at(self, place: int) -> datetime:
        """Return the date of the post at a place; that of the nearest before it, in a gap."""
        at = bisect_left(self._ids, place)
        while at >= 0 and self._ids[at] in self._gaps:
            at -= 1
        return self._plain(self._ids[at]).date if at >= 0 else datetime.min.replace(tzinfo=UTC)

    def written(self, number: int, epoch: int) -> "Written":
        """Return a post as it goes over the wire, with file references of this epoch.

        Raises:
            KeyError: there is none with this id.
        """
        with self._lock:
            known = self._written.get(number)
            if known is None or known.epoch != epoch:
                post = self[number]
                origin = post.forwarded_from and post.forwarded_from.channel
                message = Serialised(bytes(self._message(post, epoch)))
                if len(self._written) >= _KEPT:
                    self._written.clear()
                known = Written(epoch, message, origin, post.sender)
                self._written[number] = known
            return known

    def as_tl(self, account_id: int) -> types.Channel:
        return types.Channel(
            id=self.id,
            access_hash=access_hash("channel", self.id, account_id),
            title=self.title,
            username=self.username,
            broadcast=not self.group,
            megagroup=self.group,
            photo=types.ChatPhotoEmpty(),
            date=FIRST_DAY,
        )

    def _before(self, number: int) -> Post | None:
        at = bisect_left(self._ids, number) - 1
        while at >= 0 and self._ids[at] in self._gaps:
            at -= 1
        return self._plain(self._ids[at]) if at >= 0 else None

    def _plain(self, number: int) -> Post:
        if number not in self:
            raise KeyError(number)
        if number in self._posts:
            return self._posts[number]
        return next(made.make(number) for made in self._made if number in made.ids)

    def _counted(self, post: Post) -> Post:
        if self._risen == (0, 0, 0):
            return post
        views, forwards, replies = (
            None if value is None else value + more
            for value, more in zip(
                (post.views, post.forwards, post.replies), self._risen, strict=True
            )
        )
        return replace(post, views=views, forwards=forwards, replies=replies)

    def _message(self, post: Post, epoch: int) -> TLObject:
        peer = types.PeerChannel(self.id)
        sender = types.PeerUser(post.sender.id) if post.sender else None
        reply = types.MessageReplyHeader(reply_to_msg_id=post.reply_to) if post.reply_to else None
        if post.action is not None:
            action: Any = post.action
            return types.MessageService(
                id=post.id,
                peer_id=peer,
                date=post.date,
                action=action,
                post=not self.group,
                from_id=sender,
                reply_to=reply,
            )
        media: Any = post.media
        if isinstance(post.media, Photo | Document | Poll):
            media = post.media.as_tl(epoch)
        text: Any = post.text
        entities: list[Any] = list(post.entities)
        counted = post.views is not None or post.forwards is not None
        return types.Message(
            id=post.id,
            peer_id=peer,
            date=post.date,
            message=text,
            post=not self.group,
            from_id=sender,
            entities=entities or None,
            media=media,
            # One flag stands for both on the wire.
            views=(post.views or 0) if counted else None,
            forwards=(post.forwards or 0) if counted else None,
            replies=None if post.replies is None else self._replies(post.replies),
            reactions=_reactions(post.reactions) if post.reactions else None,
            edit_date=post.edit_date,
            edit_hide=post.edit_hide,
            grouped_id=post.grouped_id,
            reply_to=reply,
            fwd_from=post.forwarded_from.as_tl() if post.forwarded_from else None,
            post_author=post.author,
            pinned=post.pinned,
            ttl_period=post.ttl_period or self.ttl_period,
        )

    def _replies(self, count: int) -> types.MessageReplies:
        commented = self.discussion is not None
        return types.MessageReplies(
            replies=count,
            replies_pts=1,
            comments=commented,
            recent_repliers=[] if commented else None,
            channel_id=self.discussion,
        )


def _reactions(counts: Mapping[str | int, int]) -> types.MessageReactions:
    return types.MessageReactions(
        [
            types.ReactionCount(
                types.ReactionEmoji(reaction)
                if isinstance(reaction, str)
                else types.ReactionCustomEmoji(reaction),
                count,
            )
            for reaction, count in counts.items()
        ]
    )
