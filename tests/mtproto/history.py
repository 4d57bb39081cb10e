"""Channels and their posts: names, facts, pages of history, single posts, counters."""

import re
from bisect import bisect_left
from typing import Any

from telethon.tl import types

from .channels import Channel, Post, User
from .faults import USERNAME_INVALID, USERNAME_NOT_OCCUPIED, Astray, RefusedError, ShortPage
from .requests import Handler, Request, refuse
from .wire import fill

_LONGEST_PAGE = 100
_DEFAULT_PAGE = 20
_NAME = re.compile(r"[a-z]\w{3,31}", re.ASCII | re.IGNORECASE)


def resolve_username(request: Request) -> object:
    name = request.body.username
    if not _NAME.fullmatch(name):
        raise RefusedError(USERNAME_INVALID)
    for channel in request.world.channels.values():
        if channel.username and channel.username.lower() == name.lower():
            return types.contacts.ResolvedPeer(
                peer=types.PeerChannel(channel.id), chats=_chats(request, channel), users=[]
            )
    for user in request.world.users.values():
        if user.username and user.username.lower() == name.lower():
            return types.contacts.ResolvedPeer(
                peer=types.PeerUser(user.id), chats=[], users=[user.as_tl()]
            )
    raise RefusedError(USERNAME_NOT_OCCUPIED)


def get_channels(request: Request) -> object:
    return types.messages.Chats(
        _chats(request, *(request.channel(wanted) for wanted in request.body.id))
    )


def get_full_channel(request: Request) -> object:
    channel = request.channel(request.body.channel)
    full = fill(
        types.ChannelFull,
        id=channel.id,
        about=channel.about,
        participants_count=channel.subscribers,
        chat_photo=types.PhotoEmpty(0),
        notify_settings=types.PeerNotifySettings(),
        linked_chat_id=channel.discussion,
        ttl_period=channel.ttl_period,
    )
    return types.messages.ChatFull(full_chat=full, chats=_chats(request, channel), users=[])


def get_history(request: Request) -> object:
    channel, body = _asked_for(request, request.body.peer), request.body
    if body.limit < 0:
        raise refuse("LIMIT_INVALID")
    start, page = window(
        channel,
        offset_id=body.offset_id,
        # An absent date is read as the beginning of time.
        offset_date=body.offset_date if body.offset_date and body.offset_date.timestamp() else None,
        add_offset=body.add_offset,
        limit=min(body.limit or _DEFAULT_PAGE, _LONGEST_PAGE),
    )
    if isinstance(request.fault, ShortPage):
        kept = min(request.fault.keep, len(page))
        # Newest first: a page that reaches into the past begins with its newest post.
        backwards = body.add_offset >= 0
        page = page[:kept] if backwards != request.fault.far else page[len(page) - kept :]
    ids = [
        number
        for number in page
        if number > body.min_id and (not body.max_id or number < body.max_id)
    ]
    return _messages(request, channel, ids, total=channel.count, start=start)


def get_messages(request: Request) -> object:
    channel = _asked_for(request, request.body.channel)
    ids = [getattr(wanted, "id", 0) for wanted in request.body.id]
    return _messages(request, channel, ids, total=len(ids))


def _asked_for(request: Request, address: Any) -> Channel:
    channel = request.channel(address)
    if isinstance(request.fault, Astray):
        return request.world.channels[request.fault.channel]
    return channel


def get_views(request: Request) -> object:
    channel = request.channel(request.body.peer)
    views = [
        _views(channel[number]) if number in channel else types.MessageViews()
        for number in request.body.id
    ]
    return types.messages.MessageViews(views=views, chats=_chats(request, channel), users=[])


def _views(post: Post) -> types.MessageViews:
    replies = None if post.replies is None else types.MessageReplies(post.replies, 1)
    return types.MessageViews(views=post.views, forwards=post.forwards, replies=replies)


def window(
    channel: Channel,
    *,
    offset_id: int,
    offset_date: Any,
    add_offset: int,
    limit: int,
) -> tuple[int, list[int]]:
    """Cut a page out of a channel's history, newest post first.

    The page begins at the first post older than the offset, moved by `add_offset`. What lies
    beyond the newest post is cut off and the page is not moved. Places of deleted posts may count,
    so a page can be short anywhere.

    Returns:
        How many posts are newer than the offset, and the ids of the page.
    """
    places = channel.places()
    if offset_id:
        newer = len(places) - bisect_left(places, offset_id)
    elif offset_date is not None:
        newer = len(places) - bisect_left(places, offset_date, key=channel.date_at)
    else:
        newer = 0
    first = newer + add_offset
    last = max(first + limit, 0)
    page = places[max(len(places) - last, 0) : max(len(places) - max(first, 0), 0)]
    return newer, [number for number in reversed(page) if number in channel]


def _messages(
    request: Request, channel: Channel, ids: list[int], *, total: int, start: int | None = None
) -> object:
    """Posts of a channel, with the channels and people that they name; what is missing is empty."""
    epoch = request.world.file_epoch
    messages: list[Any] = []
    chats, users = {channel.id: channel}, dict[int, User]()
    for number in ids:
        if number not in channel:
            messages.append(types.MessageEmpty(number, None))
            continue
        written = channel.written(number, epoch)
        messages.append(written.message)
        if written.origin:
            chats[written.origin.id] = written.origin
        if written.sender:
            users[written.sender.id] = written.sender
    return types.messages.ChannelMessages(
        pts=1,
        count=total,
        messages=messages,
        topics=[],
        chats=_chats(request, *chats.values()),
        users=[user.as_tl() for user in users.values()],
        offset_id_offset=start,
    )


def _chats(request: Request, *channels: Channel) -> Any:
    return [channel.as_tl(request.account.id) for channel in channels]


OPEN: dict[str, Handler] = {}
LOGGED_IN: dict[str, Handler] = {
    "contacts.resolveUsername": resolve_username,
    "channels.getChannels": get_channels,
    "channels.getFullChannel": get_full_channel,
    "channels.getMessages": get_messages,
    "messages.getHistory": get_history,
    "messages.getMessagesViews": get_views,
}
