"""Every capability of the data centre, proven with Telethon's own client as it is."""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon import TelegramClient, errors, functions, types
from telethon.network import (
    ConnectionTcpAbridged,
    ConnectionTcpFull,
    ConnectionTcpIntermediate,
)
from telethon.sessions import StringSession

import tests.mtproto

from . import (
    AUTH_KEY_UNREGISTERED,
    CHANNEL_PRIVATE,
    FIRST_DAY,
    Account,
    Channel,
    DataCentre,
    DataCentres,
    Delay,
    Drop,
    ForgetKey,
    Forward,
    Poll,
    Post,
    ShortPage,
    Silence,
    Truncate,
    Vanish,
    World,
    flood_wait,
    running_data_centres,
)
from .history import window

pytestmark = pytest.mark.timeout(30)

HISTORY = "messages.getHistory"
PASSWORD = "correct horse"
JPEG = b"\xff\xd8\xff" + os.urandom(299_995) + b"\xff\xd9"
THUMBNAIL = b"\xff\xd8\xff" + os.urandom(3_995) + b"\xff\xd9"
# What a client that does not reconnect raises when the connection ends.
LOST = (ConnectionError, asyncio.IncompleteReadError)
# One attempt each and no waiting: what goes wrong is seen at once.
IMPATIENT: dict[str, Any] = {
    "receive_updates": False,
    "auto_reconnect": False,
    "connection_retries": 1,
    "retry_delay": 0,
    "request_retries": 1,
    "flood_sleep_threshold": 0,
    "raise_last_call_error": True,
    "timeout": 5,
}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def reader(world: World) -> Account:
    return world.add_account()


@pytest.fixture
def shop(world: World) -> Channel:
    return world.add_channel(5001, "demo_shop", "Demo shop", about="Medicines", subscribers=1200)


@pytest.fixture
def centres(world: World, reader: Account) -> Iterator[DataCentres]:
    with running_data_centres(world, count=2) as running:
        yield running


@asynccontextmanager
async def connected(session: str | StringSession, **options: Any) -> AsyncGenerator[Any]:
    if isinstance(session, str):
        session = StringSession(session)
    options = {"receive_updates": False, **options}
    client = cast("Any", TelegramClient)(session, 1, "hash", **options)
    try:
        await client.connect()
        yield client
    finally:
        await client.disconnect()


def as_reader(
    centres: DataCentres, reader: Account, ask: Callable[[Any], Awaitable[Any]], **options: Any
) -> Any:
    """Connect as an account, do something, and return what it returned."""

    async def scenario() -> Any:
        async with connected(centres.session(reader), **options) as client:
            return await ask(client)

    return asyncio.run(scenario())


async def history(client: Any, name: str = "demo_shop", **options: Any) -> list[Any]:
    return [message async for message in client.iter_messages(name, wait_time=0, **options)]


def ids_of(messages: list[Any]) -> list[int]:
    return [message.id for message in messages]


def offer(number: int) -> Post:
    date = FIRST_DAY + timedelta(minutes=number)
    return Post(id=number, date=date, text=f"Offer {number}", views=number, forwards=1)


def location(photo: Any, size: str) -> Any:
    return types.InputPhotoFileLocation(photo.id, photo.access_hash, photo.file_reference, size)


# Connecting and logging in


def test_a_client_makes_a_key_logs_in_by_code_and_comes_back_with_its_session(
    centres: DataCentres, reader: Account
) -> None:
    async def scenario() -> None:
        async with connected(centres[1].empty_session()) as client:
            assert not await client.is_user_authorized()
            await client.send_code_request("+" + reader.phone)
            with pytest.raises(errors.PhoneCodeInvalidError):
                await client.sign_in("+" + reader.phone, "99999")
            assert (await client.sign_in("+" + reader.phone, reader.code)).id == reader.id
            session = client.session.save()
        async with connected(session) as client:
            assert (await client.get_me()).phone == reader.phone
            await client.log_out()
        async with connected(session) as client:
            assert await client.get_me() is None

    asyncio.run(scenario())


def test_an_unknown_phone_number_gets_no_code(centres: DataCentres) -> None:
    async def scenario() -> None:
        async with connected(centres.session()) as client:
            with pytest.raises(errors.PhoneNumberInvalidError):
                await client.send_code_request("+251900000099")

    asyncio.run(scenario())


def test_a_password_is_proven_and_a_wrong_one_is_refused(
    centres: DataCentres, reader: Account
) -> None:
    reader.password = PASSWORD

    async def scenario() -> None:
        async with connected(centres.session()) as client:
            await client.send_code_request(reader.phone)
            with pytest.raises(errors.SessionPasswordNeededError):
                await client.sign_in(reader.phone, reader.code)
            assert not await client.is_user_authorized()
            with pytest.raises(errors.PasswordHashInvalidError):
                await client.sign_in(password="battery staple")
            assert (await client.sign_in(password=PASSWORD)).id == reader.id

    asyncio.run(scenario())


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_qr_code_logs_in_when_it_is_scanned(
    centres: DataCentres, reader: Account, password: str | None
) -> None:
    reader.password = password

    async def scenario() -> None:
        async with connected(centres[1].empty_session(), receive_updates=True) as client:
            shown = await client.qr_login()
            waiting = asyncio.create_task(shown.wait(10))
            await asyncio.sleep(0)
            centres.world.scan(shown.url, reader)
            if password:
                with pytest.raises(errors.SessionPasswordNeededError):
                    await waiting
                await client.sign_in(password=password)
            else:
                assert (await waiting).id == reader.id
            assert await client.is_user_authorized()

    asyncio.run(scenario())


def test_a_client_that_is_logged_in_accepts_the_qr_code_of_another(
    centres: DataCentres, reader: Account
) -> None:
    async def scenario() -> None:
        async with (
            connected(centres.session(), receive_updates=True) as new,
            connected(centres.session(reader)) as old,
        ):
            shown = await new.qr_login()
            waiting = asyncio.create_task(shown.wait(10))
            await asyncio.sleep(0)
            await old(functions.auth.AcceptLoginTokenRequest(shown.token))
            assert (await waiting).id == reader.id

    asyncio.run(scenario())


def test_a_qr_code_that_nobody_scans_grows_old_and_is_made_again(
    centres: DataCentres, reader: Account
) -> None:
    centres.world.login_token_seconds = 0.05

    async def scenario() -> None:
        async with connected(centres.session(), receive_updates=True) as client:
            shown = await client.qr_login()
            with pytest.raises(asyncio.TimeoutError):
                await shown.wait()
            first = shown.token
            await shown.recreate()
            assert shown.token != first

    asyncio.run(scenario())


def test_a_client_that_wants_no_updates_is_not_told_of_a_scan(
    centres: DataCentres, reader: Account
) -> None:
    async def scenario() -> None:
        async with connected(centres.session()) as client:
            shown = await client.qr_login()
            waiting = asyncio.create_task(shown.wait(0.2))
            await asyncio.sleep(0)
            centres.world.scan(shown.url, reader)
            with pytest.raises(asyncio.TimeoutError):
                await waiting

    asyncio.run(scenario())


@pytest.mark.parametrize("way", ["code", "qr"])
def test_an_account_logs_in_at_its_home(centres: DataCentres, reader: Account, way: str) -> None:
    reader.home_dc = 2

    async def scenario() -> None:
        async with connected(centres[1].empty_session(), receive_updates=True) as client:
            if way == "code":
                await client.send_code_request(reader.phone)
                await client.sign_in(reader.phone, reader.code)
            else:
                shown = await client.qr_login()
                waiting = asyncio.create_task(shown.wait(10))
                await asyncio.sleep(0)
                centres.world.scan(shown.url, reader)
                await waiting
            assert client.session.dc_id == 2
            assert (await client.get_me()).id == reader.id

    asyncio.run(scenario())


def test_a_session_with_a_known_key_is_logged_in_or_nobody(
    centres: DataCentres, reader: Account
) -> None:
    async def scenario() -> None:
        async with connected(centres.session(reader)) as client:
            assert (await client.get_me()).id == reader.id
        async with connected(centres.session()) as client:
            assert not await client.is_user_authorized()
            with pytest.raises(errors.AuthKeyUnregisteredError):
                await client(functions.contacts.ResolveUsernameRequest("demo_shop"))

    asyncio.run(scenario())


def test_a_client_without_a_session_begins_at_the_first_data_centre(
    centres: DataCentres,
) -> None:
    async def scenario() -> None:
        async with connected(StringSession()) as client:
            assert (client.session.dc_id, client.session.port) == (1, centres[1].address[1])

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "transport", [ConnectionTcpFull, ConnectionTcpAbridged, ConnectionTcpIntermediate]
)
def test_each_transport_is_spoken(
    centres: DataCentres, reader: Account, shop: Channel, transport: Any
) -> None:
    shop.generate(150, offer)

    async def scenario() -> None:
        for session in (centres.session(reader), centres[1].empty_session()):
            async with connected(session, connection=transport) as client:
                if await client.is_user_authorized():
                    assert len(await history(client)) == 150

    asyncio.run(scenario())


def test_answers_are_compressed_where_the_world_says_so(reader: Account) -> None:
    world = World(gzip=True)
    account = world.add_account()
    world.add_channel(5001, "demo_shop").generate(120, offer)
    with running_data_centres(world, count=1) as centres:
        messages = as_reader(centres, account, history)
    assert messages[0].message == "Offer 120"
    assert len(messages) == 120


def test_a_client_goes_on_after_the_salt_has_changed(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.generate(3, offer)

    async def ask(client: Any) -> None:
        for _ in range(3):
            centres[1].change_salt()
            assert ids_of(await history(client)) == [3, 2, 1]

    as_reader(centres, reader, ask)


def test_requests_in_one_container_are_all_answered(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    async def ask(client: Any) -> list[Any]:
        return await asyncio.gather(*(client.get_entity("demo_shop") for _ in range(20)))

    assert {entity.id for entity in as_reader(centres, reader, ask)} == {shop.id}


# Channels


def test_a_channel_is_found_by_its_name_in_any_case_and_described(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    async def ask(client: Any) -> None:
        entity = await client.get_entity("Demo_SHOP")
        assert (entity.id, entity.title, entity.broadcast) == (5001, "Demo shop", True)
        again = await client(functions.channels.GetChannelsRequest([entity]))
        assert again.chats[0].username == "demo_shop"
        full = await client(functions.channels.GetFullChannelRequest(entity))
        assert full.full_chat.about == "Medicines"
        assert full.full_chat.participants_count == 1200

    as_reader(centres, reader, ask)


def test_unknown_and_impossible_names_are_told_apart(centres: DataCentres, reader: Account) -> None:
    async def ask(client: Any) -> None:
        with pytest.raises(errors.UsernameNotOccupiedError):
            await client(functions.contacts.ResolveUsernameRequest("nobody_here"))
        with pytest.raises(errors.UsernameInvalidError):
            await client(functions.contacts.ResolveUsernameRequest("1shop"))

    as_reader(centres, reader, ask)


def test_a_renamed_channel_keeps_its_id_and_loses_its_old_name(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.post("Before")

    async def ask(client: Any) -> None:
        peer = await client.get_input_entity("demo_shop")
        shop.rename("demo_pharmacy")
        with pytest.raises(errors.UsernameNotOccupiedError):
            await client(functions.contacts.ResolveUsernameRequest("demo_shop"))
        now = (await client(functions.channels.GetChannelsRequest([peer]))).chats[0]
        assert (now.id, now.username) == (5001, "demo_pharmacy")
        assert ids_of(await history(client, peer)) == [1]

    as_reader(centres, reader, ask)


def test_a_private_channel_answers_nothing(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    async def ask(client: Any) -> None:
        peer = await client.get_input_entity("demo_shop")
        shop.private = True
        for request in (
            functions.channels.GetChannelsRequest([peer]),
            functions.channels.GetFullChannelRequest(peer),
            functions.channels.GetMessagesRequest(peer, [types.InputMessageID(1)]),
        ):
            with pytest.raises(errors.ChannelPrivateError):
                await client(request)
        with pytest.raises(errors.ChannelPrivateError):
            await history(client, peer)

    as_reader(centres, reader, ask)


def test_an_access_hash_belongs_to_one_account(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    async def scenario() -> None:
        async with connected(centres.session(reader)) as client:
            peer = await client.get_input_entity("demo_shop")
        other = centres.world.add_account(1002, "251900000002")
        async with connected(centres.session(other)) as client:
            with pytest.raises(errors.ChannelInvalidError):
                await client(functions.channels.GetChannelsRequest([peer]))

    asyncio.run(scenario())


# History


@given(st.data())
def test_a_page_is_what_the_newest_first_list_holds_there(data: st.DataObject) -> None:
    shop = World().add_channel(1, "demo_shop")
    shop.generate(30, offer)
    gone = data.draw(st.sets(st.integers(1, 30)))
    gaps = data.draw(st.sets(st.integers(1, 30))) - gone
    shop.delete(*gone)
    shop.delete(*gaps, leaving_gaps=True)
    offset_id = data.draw(st.integers(0, 32))
    add_offset = data.draw(st.integers(-40, 40))
    limit = data.draw(st.integers(1, 40))

    places = [number for number in range(30, 0, -1) if number not in gone]
    newer = len([number for number in places if offset_id and number >= offset_id])
    expected = [
        number
        for index, number in enumerate(places)
        if newer + add_offset <= index < newer + add_offset + limit and number not in gaps
    ]
    assert window(
        shop, offset_id=offset_id, offset_date=None, add_offset=add_offset, limit=limit
    ) == (newer, expected)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, list(range(350, 0, -1))),
        ({"reverse": True}, list(range(1, 351))),
        ({"reverse": True, "min_id": 345}, [346, 347, 348, 349, 350]),
        ({"min_id": 345}, [350, 349, 348, 347, 346]),
        ({"max_id": 4}, [3, 2, 1]),
        ({"reverse": True, "min_id": 100, "max_id": 104}, [101, 102, 103]),
        ({"limit": 2, "offset_id": 200}, [199, 198]),
        ({"limit": 2, "offset_date": FIRST_DAY + timedelta(minutes=200)}, [199, 198]),
        (
            {"limit": 2, "offset_date": FIRST_DAY + timedelta(minutes=200), "reverse": True},
            [200, 201],
        ),
        ({"ids": [1, 9000, 3]}, [1, None, 3]),
    ],
)
def test_every_way_of_reading_a_history_finds_its_posts(
    centres: DataCentres,
    reader: Account,
    shop: Channel,
    options: dict[str, Any],
    expected: list[int | None],
) -> None:
    shop.generate(350, offer)

    async def ask(client: Any) -> list[Any]:
        return [message and message.id for message in await history(client, **options)]

    assert as_reader(centres, reader, ask) == expected


def test_a_page_holds_a_hundred_posts_at_most_and_says_how_many_there_are(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.generate(350, offer)

    async def ask(client: Any) -> Any:
        peer = await client.get_input_entity("demo_shop")
        return await client(functions.messages.GetHistoryRequest(peer, 0, None, 0, 500, 0, 0, 0))

    page = as_reader(centres, reader, ask)
    assert (len(page.messages), page.count) == (100, 350)


def test_deleted_ranges_make_short_and_empty_pages_in_the_middle(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.generate(500, offer)
    shop.delete(*range(120, 180), *range(201, 301), leaving_gaps=True)

    async def ask(client: Any) -> list[int]:
        peer, sizes, after = await client.get_input_entity("demo_shop"), list[int](), 0
        for after in range(0, 500, 100):
            page = await client(
                functions.messages.GetHistoryRequest(peer, after + 1, None, -100, 100, 0, 0, 0)
            )
            sizes.append(len(page.messages))
        return sizes

    assert as_reader(centres, reader, ask) == [100, 40, 0, 100, 100]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_page_that_is_cut_short_loses_no_post(
    centres: DataCentres, reader: Account, shop: Channel, reverse: bool
) -> None:
    shop.generate(350, offer)
    centres.world.faults.plan(HISTORY, ShortPage(37), at=2)

    async def ask(client: Any) -> list[int]:
        peer = await client.get_input_entity("demo_shop")
        found: list[int] = []
        while True:
            # In either direction the next page begins where the last one ended.
            offset = (found[-1] + 1 if found else 1) if reverse else (found[-1] if found else 0)
            page = await client(
                functions.messages.GetHistoryRequest(
                    peer, offset, None, -100 if reverse else 0, 100, 0, 0, 0
                )
            )
            new = ids_of(page.messages)
            found += reversed(new) if reverse else new
            if not new:
                return found

    assert sorted(as_reader(centres, reader, ask)) == list(range(1, 351))
    assert centres.world.calls[HISTORY] == 6


@pytest.mark.parametrize(("add", "kept"), [(-100, [98, 99, 100]), (0, [1, 2, 3])])
def test_a_page_can_be_cut_short_where_it_begins_too(
    centres: DataCentres, reader: Account, shop: Channel, add: int, kept: list[int]
) -> None:
    shop.generate(350, offer)
    centres.world.faults.plan(HISTORY, ShortPage(3, far=True))

    async def ask(client: Any) -> list[int]:
        peer = await client.get_input_entity("demo_shop")
        offset = 1 if add else 101
        page = await client(
            functions.messages.GetHistoryRequest(peer, offset, None, add, 100, 0, 0, 0)
        )
        return sorted(ids_of(page.messages))

    assert as_reader(centres, reader, ask) == kept


def test_ten_thousand_posts_are_made_only_when_they_are_read(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    made: list[int] = []

    def make(number: int) -> Post:
        made.append(number)
        return offer(number)

    shop.generate(10_000, make)
    assert shop.count == 10_000
    assert not made

    async def ask(client: Any) -> None:
        assert ids_of(await history(client, limit=100)) == list(range(10_000, 9_900, -1))
        assert len(made) == 100
        assert len(await history(client)) == 10_000

    as_reader(centres, reader, ask)
    assert sorted(made) == list(range(1, 10_001))


# What a post holds


def test_a_post_arrives_with_all_that_it_holds(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    origin = centres.world.add_channel(5002, "demo_origin", "Origin")
    shop.post("First")
    bold = types.MessageEntityBold(0, 4)
    shop.post(
        "ዋጋ \x00 \u202e120",
        entities=(bold,),
        views=50,
        forwards=3,
        replies=2,
        reactions={"👍": 7, 5_368: 1},
        reply_to=1,
        forwarded_from=Forward(FIRST_DAY, origin, 77),
        author="Pharmacist",
        pinned=True,
    )

    async def ask(client: Any) -> Any:
        return (await history(client))[0]

    message = as_reader(centres, reader, ask)
    assert message.message == "ዋጋ \x00 \u202e120"
    assert message.entities == [bold]
    assert (message.views, message.forwards, message.replies.replies) == (50, 3, 2)
    assert [one.count for one in message.reactions.results] == [7, 1]
    assert message.reply_to_msg_id == 1
    assert (message.fwd_from.from_id.channel_id, message.fwd_from.channel_post) == (5002, 77)
    assert message.forward.chat.title == "Origin"
    assert (message.post_author, message.pinned, message.post) == ("Pharmacist", True, True)


def test_text_that_is_no_utf_8_arrives_as_the_client_reads_it(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.post(b"broken \xed\xa0\x80 surrogate")

    async def ask(client: Any) -> str:
        return (await history(client))[0].message

    assert as_reader(centres, reader, ask) == "broken \ufffd\ufffd\ufffd surrogate"


def test_an_album_is_several_posts_of_one_group_with_one_caption(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    photos = [centres.world.add_photo(JPEG) for _ in range(3)]
    group = 2**62 + 1
    shop.album(*photos, text="Three boxes", grouped_id=group)

    messages = as_reader(centres, reader, lambda client: history(client, reverse=True))
    assert [message.grouped_id for message in messages] == [group] * 3
    assert [message.message for message in messages] == ["Three boxes", "", ""]
    assert [message.photo.id for message in messages] == [photo.id for photo in photos]


def test_polls_documents_and_service_messages_are_told_apart(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    world = centres.world
    shop.post(action=types.MessageActionChannelCreate("Demo shop"))
    shop.post(media=Poll("Open on Sunday?", {"Yes": 12, "No": 3}))
    shop.post(media=world.add_document(b"%PDF", "application/pdf", file_name="prices.pdf"))
    shop.post(media=world.add_document(JPEG, "image/jpeg", width=1280, height=960))
    shop.post(media=types.MessageMediaGeo(types.GeoPoint(38.7, 9.0, 0)))

    async def ask(client: Any) -> None:
        created, poll, prices, image, place = await history(client, reverse=True)
        assert created.action.title == "Demo shop"
        assert (created.message, created.views) == (None, None)
        assert poll.poll.poll.question.text == "Open on Sunday?"
        assert [one.voters for one in poll.poll.results.results] == [12, 3]
        assert (prices.file.name, prices.file.mime_type, prices.file.size) == (
            "prices.pdf",
            "application/pdf",
            4,
        )
        assert (image.photo, image.file.width, image.file.height) == (None, 1280, 960)
        assert await image.download_media(bytes) == JPEG
        assert place.geo.lat == 9.0

    as_reader(centres, reader, ask)


def test_a_group_has_senders_and_no_view_counts(centres: DataCentres, reader: Account) -> None:
    group = centres.world.add_channel(6001, "demo_group", group=True)
    group.post("Is it open?", sender=centres.world.add_user(2001, "Abebe"))

    async def ask(client: Any) -> Any:
        (message,) = await history(client, "demo_group")
        return message, await message.get_sender(), await message.get_chat()

    message, sender, chat = as_reader(centres, reader, ask)
    assert (sender.first_name, message.views, message.post) == ("Abebe", None, False)
    assert (chat.megagroup, chat.broadcast) == (True, False)


def test_edits_deletions_and_rising_counters_are_seen_at_the_next_reading(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.generate(4, offer)
    shop.post("Fifth", views=5, replies=1)

    async def ask(client: Any) -> tuple[dict[int, Any], dict[int, Any], Any]:
        before = {message.id: message for message in await history(client)}
        shop.edit(2, at=FIRST_DAY, text="Offer 2, new price")
        shop.edit(3, at=FIRST_DAY, hide=True)
        shop.delete(4)
        shop.raise_counters(views=10, forwards=2, replies=1)
        after = {message.id: message for message in await history(client)}
        peer = await client.get_input_entity("demo_shop")
        counted = await client(functions.messages.GetMessagesViewsRequest(peer, [1, 4], False))
        return before, after, counted

    before, after, counted = as_reader(centres, reader, ask)
    assert set(before) - set(after) == {4}
    assert (before[2].edit_date, after[2].edit_date) == (None, FIRST_DAY)
    assert (after[2].message, after[2].edit_hide) == ("Offer 2, new price", False)
    assert (after[3].message, after[3].edit_hide) == ("Offer 3", True)
    assert (after[1].views - before[1].views, after[1].forwards - before[1].forwards) == (10, 2)
    assert (after[1].replies, after[5].replies.replies) == (None, 2)
    assert [one.views for one in counted.views] == [11, None]


# Files


def test_a_photo_is_fetched_in_each_of_its_sizes(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    world = centres.world
    shop.post(media=world.add_photo(JPEG, smaller={"m": THUMBNAIL}, width=1280, height=960))

    async def ask(client: Any) -> None:
        (message,) = await history(client)
        stripped, small, large = message.photo.sizes
        assert isinstance(stripped, types.PhotoStrippedSize)
        assert (small.type, small.w, small.h, small.size) == ("m", 320, 240, len(THUMBNAIL))
        assert isinstance(large, types.PhotoSizeProgressive)
        assert (large.type, large.sizes[-1]) == ("y", len(JPEG))
        assert await message.download_media(bytes, thumb="m") == THUMBNAIL
        assert await message.download_media(bytes) == JPEG

    as_reader(centres, reader, ask)


def test_a_photo_elsewhere_is_fetched_there_at_once_or_by_way_of_a_refusal(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    for _ in range(2):
        shop.post(media=centres.world.add_photo(JPEG, dc_id=2))

    async def ask(client: Any) -> tuple[list[int], list[int]]:
        first, second = await history(client)
        assert first.photo.dc_id == 2
        assert await first.download_media(bytes) == JPEG
        refused = [call.dc_id for call in centres.world.calls.all("upload.getFile")]
        centres.world.calls.reset()
        place = location(second.photo, "y")
        got = await client.download_file(place, bytes, file_size=len(JPEG), dc_id=2)
        assert got == JPEG
        return refused, [call.dc_id for call in centres.world.calls.all("upload.getFile")]

    refused, direct = as_reader(centres, reader, ask)
    assert refused == [1, 2, 2, 2]
    assert direct == [2, 2, 2]
    assert centres.world.calls["auth.exportAuthorization"] == 0


def test_an_old_file_reference_is_refused_until_the_message_is_read_again(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.post(media=centres.world.add_photo(JPEG))

    async def ask(client: Any) -> bytes:
        (message,) = await history(client)
        centres.world.expire_file_references()
        with pytest.raises(errors.FileReferenceExpiredError):
            await message.download_media(bytes)
        (message,) = await history(client)
        return await message.download_media(bytes)

    assert as_reader(centres, reader, ask) == JPEG


def test_a_file_may_end_earlier_than_its_message_says(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    photo = centres.world.add_photo(JPEG)
    shop.post(media=photo)
    centres.world.faults.plan("upload.getFile", Truncate(1000), at=2)

    async def ask(client: Any) -> list[int]:
        (message,) = await history(client)
        sizes = [len(await message.download_media(bytes)) for _ in range(2)]
        centres.world.truncate(photo, 150_000)
        return [*sizes, len(await message.download_media(bytes))]

    assert as_reader(centres, reader, ask) == [131_072 + 1000, len(JPEG), 150_000]


@pytest.mark.parametrize(
    ("offset", "limit", "error"),
    [
        (1, 4096, errors.OffsetInvalidError),
        (0, 1000, errors.LimitInvalidError),
        (0, 2 << 20, errors.LimitInvalidError),
        (1 << 19, 1 << 20, errors.LimitInvalidError),
    ],
)
def test_parts_of_files_keep_to_blocks_and_megabytes(
    centres: DataCentres, reader: Account, shop: Channel, offset: int, limit: int, error: Any
) -> None:
    shop.post(media=centres.world.add_photo(JPEG))

    async def ask(client: Any) -> None:
        (message,) = await history(client)
        place = location(message.photo, "y")
        with pytest.raises(error):
            await client(functions.upload.GetFileRequest(place, offset, limit))

    as_reader(centres, reader, ask)


# What goes wrong


@pytest.mark.parametrize("seconds", [5, 3600])
def test_a_flood_wait_comes_at_the_request_that_was_named(
    centres: DataCentres, reader: Account, shop: Channel, seconds: int
) -> None:
    shop.generate(500, offer)
    centres.world.faults.plan(HISTORY, flood_wait(seconds), at=3)

    async def ask(client: Any) -> list[int]:
        found: list[int] = []
        with pytest.raises(errors.FloodWaitError) as caught:
            async for message in client.iter_messages("demo_shop", wait_time=0):
                found.append(message.id)
        assert caught.value.seconds == seconds
        return found

    assert len(as_reader(centres, reader, ask, **IMPATIENT)) == 200
    assert centres.world.calls[HISTORY] == 3


def test_a_client_goes_on_after_one_connection_was_dropped(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.generate(350, offer)
    centres.world.faults.plan(HISTORY, Drop(), at=2)
    messages = as_reader(centres, reader, history, retry_delay=0)
    assert ids_of(messages) == list(range(350, 0, -1))


def test_every_page_can_be_the_last_before_the_connection_is_cut(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.generate(350, offer)
    found: list[int] = []

    async def read_on(client: Any) -> None:
        last = found[-1] if found else 0
        async for message in client.iter_messages(
            "demo_shop", reverse=True, min_id=last, wait_time=0
        ):
            found.append(message.id)

    for _ in range(3):
        centres.world.faults.plan(HISTORY, Drop(), at=2)
        with pytest.raises(LOST):
            as_reader(centres, reader, read_on, **IMPATIENT)
    as_reader(centres, reader, read_on, **IMPATIENT)
    assert found == list(range(1, 351))


def test_a_fault_can_come_each_time_until_it_is_cleared(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.post("One")
    other = centres.world.add_channel(5002, "demo_other")
    other.post("Two")
    centres.world.faults.plan(
        HISTORY, CHANNEL_PRIVATE, times=None, where=lambda body: body.peer.channel_id == 5001
    )

    async def ask(client: Any) -> None:
        assert ids_of(await history(client, "demo_other")) == [1]
        for _ in range(2):
            with pytest.raises(errors.ChannelPrivateError):
                await history(client)
        centres.world.faults.clear()
        assert ids_of(await history(client)) == [1]

    as_reader(centres, reader, ask, **IMPATIENT)


def test_an_answer_may_be_late_or_never_come(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.post("One")
    centres.world.faults.plan(HISTORY, Delay(0.2))
    centres.world.faults.plan(HISTORY, Silence(), at=2)

    async def ask(client: Any) -> float:
        began = time.monotonic()
        assert ids_of(await history(client)) == [1]
        late = time.monotonic() - began
        unanswered = asyncio.create_task(history(client))
        while centres.world.calls[HISTORY] < 2:
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(unanswered, 0.1)
        assert ids_of(await history(client)) == [1]
        return late

    assert as_reader(centres, reader, ask) >= 0.2


def test_a_frozen_data_centre_takes_connections_and_answers_nothing(
    centres: DataCentres, reader: Account
) -> None:
    async def scenario() -> None:
        centres[1].freeze()
        client: Any = TelegramClient(StringSession(centres.session(reader)), 1, "hash")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.connect(), 0.3)
        await client.disconnect()
        centres[1].thaw()
        async with connected(centres.session(reader)) as client:
            assert await client.is_user_authorized()

    asyncio.run(scenario())


def test_a_vanished_data_centre_refuses_connections_until_it_comes_back(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.generate(250, offer)
    centres.world.faults.plan(HISTORY, Vanish(), at=2)
    session = centres.session(reader)

    async def scenario() -> None:
        async with connected(session, **IMPATIENT) as client:
            with pytest.raises(LOST):
                await history(client)
        with pytest.raises(ConnectionError):
            async with connected(session, **IMPATIENT):
                pass
        centres.come_back()
        async with connected(session, **IMPATIENT) as client:
            assert len(await history(client)) == 250
            centres[1].drop_connections()
            with pytest.raises(LOST):
                await history(client)

    asyncio.run(scenario())


def test_a_data_centre_that_vanishes_and_comes_back_at_once_does_as_told_last(
    centres: DataCentres, reader: Account
) -> None:
    session = centres.session(reader)

    async def connect() -> bool:
        async with connected(session, **IMPATIENT) as client:
            return await client.is_user_authorized()

    for _ in range(5):
        centres.vanish()
        centres.come_back()
        centres.vanish()
    with pytest.raises(ConnectionError):
        asyncio.run(connect())
    for _ in range(5):
        centres.come_back()
        centres.vanish()
        centres.come_back()
    assert asyncio.run(connect())


def test_a_key_can_be_forgotten_between_connections_or_within_one(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    async def scenario() -> None:
        session = centres.session(reader)
        centres.world.faults.plan(HISTORY, ForgetKey())
        async with connected(session, **IMPATIENT) as client:
            with pytest.raises(errors.AuthKeyNotFound):
                await history(client)
        with pytest.raises(errors.AuthKeyNotFound):
            async with connected(session, **IMPATIENT):
                pass
        session = centres.session(reader)
        centres.world.forget_keys()
        with pytest.raises(errors.AuthKeyNotFound):
            async with connected(session, **IMPATIENT):
                pass

    asyncio.run(scenario())


def test_accounts_can_be_logged_out_and_banned_while_they_read(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    async def ask(client: Any) -> None:
        centres.world.faults.plan(HISTORY, AUTH_KEY_UNREGISTERED)
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await history(client)
        reader.banned = True
        with pytest.raises(errors.UserDeactivatedBanError):
            await history(client)
        reader.banned = False
        centres.world.log_out(reader)
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await history(client)

    as_reader(centres, reader, ask, **IMPATIENT)


def test_a_request_that_nothing_answers_is_refused(centres: DataCentres, reader: Account) -> None:
    async def ask(client: Any) -> None:
        with pytest.raises(errors.MethodInvalidError):
            await client(functions.messages.GetAllDraftsRequest())

    as_reader(centres, reader, ask)


def test_a_mistake_in_the_world_is_the_servers_error_and_not_an_endless_reconnect(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    def broken(number: int) -> Post:
        raise ZeroDivisionError(number)

    shop.generate(1, broken)

    async def ask(client: Any) -> None:
        with pytest.raises(errors.ServerError, match="INTERNAL_SERVER_ERROR"):
            await history(client)

    as_reader(centres, reader, ask, **{**IMPATIENT, "request_retries": 0})
    assert centres.world.calls[HISTORY] == 1


# Several clients, counting, and the server's life


def test_two_clients_read_at_once_with_one_session_and_with_two(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.generate(1000, offer)
    one, two = centres.session(reader), centres.session(reader)

    async def read(session: str) -> list[int]:
        async with connected(session) as client:
            return ids_of(await history(client))

    async def scenario() -> list[list[int]]:
        return list(await asyncio.gather(read(one), read(one), read(two)))

    assert asyncio.run(scenario()) == [list(range(1000, 0, -1))] * 3


def test_requests_are_counted_and_timed_by_kind(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    shop.generate(250, offer)
    world = centres.world
    world.pace(HISTORY, 0.1)

    as_reader(centres, reader, history)
    assert world.calls["contacts.resolveUsername"] == 1
    assert world.calls[HISTORY] == 3
    assert world.calls["upload.getFile"] == 0
    times = world.calls.times(HISTORY)
    # The answers are paced, so the requests that follow them are too.
    assert times[2] - times[0] >= 0.1
    call = world.calls.all(HISTORY)[0]
    assert (call.dc_id, call.account_id, call.request.limit) == (1, reader.id, 100)


def test_a_test_can_wait_for_a_request_to_come(
    centres: DataCentres, reader: Account, shop: Channel
) -> None:
    centres.world.faults.plan(HISTORY, Silence())

    def read() -> None:
        with pytest.raises(LOST):
            as_reader(centres, reader, history, **IMPATIENT)

    client = threading.Thread(target=read)
    client.start()
    centres.world.calls.wait_for(HISTORY)
    with pytest.raises(TimeoutError, match="1 of 2"):
        centres.world.calls.wait_for(HISTORY, 2, timeout=0.05)
    centres.vanish()
    client.join()


def test_a_data_centre_serves_from_the_tests_own_loop(world: World) -> None:
    reader = world.add_account()
    world.add_channel(5001, "demo_shop").generate(150, offer)

    async def scenario() -> int:
        async with (
            DataCentre(world) as centre,
            connected(centre.session(reader)) as client,
        ):
            return len(await history(client))

    assert asyncio.run(scenario()) == 150


_CLIENT = """
import asyncio, os
from telethon import TelegramClient
from telethon.sessions import StringSession

async def main():
    session = StringSession(os.environ["SESSION"]) if "SESSION" in os.environ else StringSession()
    client = TelegramClient(session, 1, "hash")
    await client.connect()
    if not await client.is_user_authorized():
        await client.send_code_request(os.environ["PHONE"])
        await client.sign_in(os.environ["PHONE"], "12345")
    async for message in client.iter_messages("demo_shop"):
        print(message.message, len(await message.download_media(bytes)))
    await client.disconnect()

asyncio.run(main())
"""


@pytest.mark.parametrize("known", [True, False])
def test_a_client_in_another_process_reads_from_both_data_centres(
    centres: DataCentres, reader: Account, shop: Channel, known: bool, tmp_path: Path
) -> None:
    shop.post("From afar", media=centres.world.add_photo(JPEG, dc_id=2))
    login = {"SESSION": centres.session(reader)} if known else {"PHONE": reader.phone}
    done = subprocess.run(
        [sys.executable, "-c", _CLIENT],
        env={**os.environ, **centres.environment(), **login},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.stdout, done.returncode) == (f"From afar {len(JPEG)}\n", 0), done.stderr


def test_the_example_in_the_packages_documentation_runs() -> None:
    lines = (tests.mtproto.__doc__ or "").splitlines()
    code = "\n".join(line[4:] for line in lines if line.startswith("    ") or not line)
    names = {"jpeg": JPEG, "make_post": offer, "LATER": FIRST_DAY + timedelta(days=30)}
    exec(code, {**globals(), **names})


def test_nothing_of_the_server_is_left_when_it_has_ended(world: World) -> None:
    reader = world.add_account()
    before = set(threading.enumerate())
    with running_data_centres(world) as centres:
        address, session = centres[1].address, centres.session(reader)
        silent = socket.create_connection(address)
        as_reader(centres, reader, lambda client: client.get_me())
    with silent:
        assert silent.recv(1) == b""
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)

    # The world and its keys live on, and serve the next data centre.
    async def scenario(again: DataCentres) -> bool:
        old = StringSession(session)
        old.set_dc(1, *again[1].address)
        async with connected(old) as client:
            return await client.is_user_authorized()

    with running_data_centres(world) as again:
        assert asyncio.run(scenario(again))


def test_a_stream_that_is_no_mtproto_ends_and_harms_nobody(
    centres: DataCentres, reader: Account
) -> None:
    tag = b"\xee" * 4
    packets = [bytes(8), bytes(40), b"\x01" * 40]
    noises = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xef\x7f\xff\xff\xff",
        tag + b"\xff" * 4,
        *(tag + struct.pack("<i", len(packet)) + packet for packet in packets),
    ]
    for noise in noises:
        with socket.create_connection(centres[1].address) as noisy:
            noisy.sendall(noise)
            noisy.shutdown(socket.SHUT_WR)
            assert noisy.recv(1000) in (b"", struct.pack("<ii", 4, -404))
    assert as_reader(centres, reader, lambda client: client.get_me()).id == reader.id


def test_posts_stand_in_the_order_of_their_dates(shop: Channel) -> None:
    shop.post("Second", id=2, date=datetime(2025, 2, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="does not fit"):
        shop.post("Again", id=2)
    with pytest.raises(ValueError, match="does not fit"):
        shop.post("Earlier", id=3, date=FIRST_DAY)
    with pytest.raises(ValueError, match="do not follow"):
        shop.generate(10, offer, first=1)
    with pytest.raises(KeyError):
        shop.delete(99)
    assert shop.ids == [2]
    assert shop[2].text == "Second"
