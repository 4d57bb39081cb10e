"""Telegram's data centres on loopback: a server that speaks MTProto 2.0 to an unmodified Telethon.

No request leaves the machine and nothing in the client is replaced: keys are exchanged, messages
encrypted, files fetched and errors answered as Telegram does, over TCP. A test says what there is
and what goes wrong, and reads afterwards what was asked and when:

    world = World()
    reader = world.add_account(phone="251900000001")
    shop = world.add_channel(5001, "demo_shop", about="Medicines", subscribers=1200)
    shop.generate(10_000, make_post)  # make_post(7) -> Post(id=7, date=…, text="Offer 7")
    shop.post("Paracetamol 500 mg", media=world.add_photo(jpeg, dc_id=2), date=LATER, views=40)
    world.faults.plan("messages.getHistory", flood_wait(1), at=3)

    async def read(session: str) -> list[Any]:
        client = TelegramClient(StringSession(session), 1, "hash")
        await client.connect()
        posts = await client.get_messages("demo_shop", 500)
        assert await posts[0].download_media(bytes) == jpeg
        await client.disconnect()
        return posts

    with running_data_centres(world, count=2) as centres:
        assert len(asyncio.run(read(centres.session(reader)))) == 500

    assert world.calls["contacts.resolveUsername"] == 1
    assert world.calls["messages.getHistory"] == 6

A client in another process needs `{**os.environ, **centres.environment()}` and the session string.
In a test that is asynchronous itself, `async with DataCentre(world) as centre` serves from its own
loop. Posts are edited, deleted and gain readers between two readings by the methods of `Channel`;
whole data centres vanish, freeze and come back by those of `DataCentre`.

What it answers: logging in by code and by QR code, with a password; the account's own name;
usernames, channels, history, single posts, view counters; files in several data centres. What it
does not: writing of any kind, dialogs, searching, secret chats, CDN, bots, updates other than an
accepted QR code, temporary keys, obfuscated transports. A request that it does not know is refused
with METHOD_INVALID and logged. It checks what a careful server checks of a client that reads
(keys, salts, access hashes, file references, sizes of parts), and guards nothing: its private key
is public.

Modules: `framing`, `handshake`, `envelope` and `connection` are the protocol; `world`, `channels`
and `media` are what there is; `faults` what goes wrong; `calls` what was asked; `session`, `login`,
`history` and `files` answer requests, and `dispatch` finds which; `server` listens; `trust` and
`client_process` let clients find it; `wire` is the border with Telethon's untyped parts. Nothing is
needed but Telethon.
"""

from .calls import Call, Calls
from .channels import FIRST_DAY, Channel, Forward, Post, User
from .faults import (
    AUTH_KEY_DUPLICATED,
    AUTH_KEY_UNREGISTERED,
    CALL_FAILED,
    CHANNEL_INVALID,
    CHANNEL_PRIVATE,
    FILE_REFERENCE_EXPIRED,
    INTERNAL_ERROR,
    TIMED_OUT,
    USER_DEACTIVATED_BAN,
    USERNAME_NOT_OCCUPIED,
    Astray,
    Delay,
    Drop,
    Fault,
    Faults,
    ForgetKey,
    Refusal,
    ShortPage,
    Silence,
    Truncate,
    Vanish,
    file_migrate,
    flood_premium_wait,
    flood_wait,
)
from .media import Document, Photo, PhotoSize, Poll
from .server import DataCentre, DataCentres, running_data_centres
from .world import Account, World

__all__ = [
    "AUTH_KEY_DUPLICATED",
    "AUTH_KEY_UNREGISTERED",
    "CALL_FAILED",
    "CHANNEL_INVALID",
    "CHANNEL_PRIVATE",
    "FILE_REFERENCE_EXPIRED",
    "FIRST_DAY",
    "INTERNAL_ERROR",
    "TIMED_OUT",
    "USERNAME_NOT_OCCUPIED",
    "USER_DEACTIVATED_BAN",
    "Account",
    "Astray",
    "Call",
    "Calls",
    "Channel",
    "DataCentre",
    "DataCentres",
    "Delay",
    "Document",
    "Drop",
    "Fault",
    "Faults",
    "ForgetKey",
    "Forward",
    "Photo",
    "PhotoSize",
    "Poll",
    "Post",
    "Refusal",
    "ShortPage",
    "Silence",
    "Truncate",
    "User",
    "Vanish",
    "World",
    "file_migrate",
    "flood_premium_wait",
    "flood_wait",
    "running_data_centres",
]
