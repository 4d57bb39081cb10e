from datetime import timedelta

import pytest

from medwh_assets.errors import ChannelNotFoundError, ChannelPrivateError
from medwh_assets.lake.ports import ChannelFacts, KnownPeer
from medwh_assets.lake.records import Post as LakePost
from medwh_assets.outcomes import Failed
from medwh_assets.slices import DayRun, Slice
from medwh_assets.telegram.telethon_source import TelethonSource
from tests.integration.telegram.live import FIRST, OBSERVED, Live, posts_in, reasons
from tests.mtproto import FIRST_DAY, Astray, Channel, Forward, Poll
from tests.unit.telegram.accounts import RememberedAccount

pytestmark = pytest.mark.timeout(60)

SHOP = "demo_shop"


@pytest.fixture
def shop(live: Live) -> Channel:
    channel = live.world.add_channel(
        5001, "Demo_Shop", "Demo Shop", about="Medicines", subscribers=1200
    )
    channel.post("Paracetamol 500 mg, 120 birr", views=40)
    return channel


def error_of(live: Live, channel: str) -> Exception:
    outcomes = live.read([channel], FIRST, FIRST)
    return next(o.error for o in outcomes if isinstance(o, Failed))


def test_a_name_that_nobody_has_is_not_found(live: Live, shop: Channel) -> None:
    error = error_of(live, "demo_unknown")
    assert isinstance(error, ChannelNotFoundError)
    assert "MEDWH_CHANNELS" in str(error)
    assert live.state.last("demo_unknown") == "not_found"
    assert live.lake.slices() == []


def test_a_private_channel_is_private_and_what_was_read_stays(live: Live, shop: Channel) -> None:
    live.read([SHOP], FIRST, FIRST)
    shop.private = True
    error = error_of(live, SHOP)
    assert isinstance(error, ChannelPrivateError)
    assert live.state.last(SHOP) == "private"
    assert [p.missing_since for p in live.lake.posts(Slice(SHOP, FIRST))] == [None]


def test_one_bad_channel_does_not_stop_the_others(live: Live, shop: Channel) -> None:
    live.world.add_channel(5002, "demo_private").private = True
    outcomes = live.read(["demo_private", "demo_unknown", SHOP], FIRST, FIRST)
    assert len(reasons(outcomes)) == 2
    assert posts_in(live.lake, SHOP) == [1]


def test_a_renamed_channel_is_followed_by_its_id(live: Live, shop: Channel) -> None:
    live.read([SHOP], FIRST, FIRST)
    shop.rename("Demo_Renamed")
    shop.post("Under a new name")
    other = live.world.add_channel(5003, "demo_shop")
    other.post("Somebody else's")
    assert reasons(live.read([SHOP], FIRST, FIRST)) == []
    assert posts_in(live.lake, SHOP) == [1, 2]
    assert {p.channel_id for p in live.lake.posts(Slice(SHOP, FIRST))} == {5001}
    assert live.state.last(SHOP) == "renamed"
    assert "Demo_Renamed" in live.state.notes[-1].detail
    assert live.world.calls["contacts.resolveUsername"] == 1


LATER = OBSERVED + timedelta(days=1)


def test_a_name_that_another_channel_took_is_not_mixed_with_what_was_read(
    live: Live, shop: Channel
) -> None:
    assert reasons(live.run([SHOP], FIRST, FIRST)) == []
    shop.rename("Demo_Renamed")
    live.world.add_channel(6001, SHOP).post("I am somebody else")
    live.state = RememberedAccount()
    (reason,) = reasons(live.run([SHOP], FIRST, FIRST, observed_at=LATER))
    assert "belongs to another channel" in reason
    assert live.state.last(SHOP) == "not_found"
    assert live.state.peers == {}
    assert {p.channel_id for p in live.lake.posts(Slice(SHOP, FIRST))} == {5001}


def test_a_renamed_channel_is_found_by_another_account_too(live: Live, shop: Channel) -> None:
    live.run([SHOP], FIRST, FIRST)
    shop.rename("Demo_Renamed")
    live.run([SHOP], FIRST, FIRST, observed_at=LATER)
    shop.post("Under a new name")
    live.world.add_channel(6001, SHOP).post("I am somebody else")
    live.state = RememberedAccount()
    later = LATER + timedelta(days=1)
    assert reasons(live.run([SHOP], FIRST, FIRST, observed_at=later)) == []
    assert posts_in(live.lake, SHOP) == [1, 2]
    assert live.state.peers[SHOP].channel_id == 5001


def test_a_channel_is_not_read_under_two_names(live: Live, shop: Channel) -> None:
    live.run([SHOP], FIRST, FIRST)
    shop.rename("aaa_renamed")
    outcomes = live.run(["aaa_renamed", SHOP], FIRST, FIRST, observed_at=LATER)
    (reason,) = reasons(outcomes)
    assert "kept as demo_shop" in reason
    assert "MEDWH_CHANNELS" in reason
    assert live.lake.channels() == [SHOP]
    assert live.state.last("aaa_renamed") == "not_found"
    assert live.state.last(SHOP) == "renamed"
    # Another account's memory, and the old name out of the settings, change nothing.
    live.state = RememberedAccount()
    later = LATER + timedelta(days=1)
    (reason,) = reasons(live.run(["aaa_renamed"], FIRST, FIRST, observed_at=later))
    assert "name it demo_shop" in reason


def test_two_names_that_a_channel_has_from_the_start_are_one_channel(
    live: Live, shop: Channel
) -> None:
    live.run([SHOP], FIRST, FIRST)
    known = live.state.peers[SHOP]
    live.lake.remove_channels([SHOP])
    live.state.remember_peer("demo_alias", known)
    live.state.remember_peer(SHOP, known)
    outcomes = live.run(["demo_alias", SHOP], FIRST, FIRST, observed_at=LATER)
    assert len(reasons(outcomes)) == 1
    assert len(live.lake.channels()) == 1


@pytest.mark.parametrize("kind", ["messages.getHistory", "channels.getMessages"])
def test_posts_of_another_channel_than_was_asked_for_are_not_taken(
    live: Live, shop: Channel, kind: str
) -> None:
    shop.post("Another")
    live.run([SHOP], FIRST, FIRST)
    shop.delete(1)
    live.world.add_channel(5002, "demo_other").post("Somebody else's")
    live.world.faults.plan(kind, Astray(5002), times=None)
    (reason,) = reasons(live.run([SHOP], FIRST, FIRST, observed_at=LATER))
    assert "another channel" in reason
    posts = live.lake.posts(Slice(SHOP, FIRST))
    assert [(p.channel_id, p.missing_since) for p in posts] == [(5001, None)] * 2


def test_an_address_of_another_channel_than_the_lakes_is_not_used(
    live: Live, shop: Channel
) -> None:
    live.run([SHOP], FIRST, FIRST)
    other = live.world.add_channel(6001, "demo_other")
    other.post("I am somebody else")
    address = other.as_tl(live.account.id)
    assert address.access_hash is not None
    live.state.remember_peer(SHOP, KnownPeer(6001, address.access_hash, SHOP))
    assert reasons(live.run([SHOP], FIRST, FIRST, observed_at=LATER)) == []
    assert {p.channel_id for p in live.lake.posts(Slice(SHOP, FIRST))} == {5001}
    assert live.state.peers[SHOP].channel_id == 5001


@pytest.mark.parametrize(("bot", "words"), [(False, "a person's"), (True, "a bot's")])
def test_a_name_of_a_person_or_a_bot_says_so(live: Live, bot: bool, words: str) -> None:
    live.world.add_user(42, "Doctor", "demo_doctor", bot=bot)
    live.channels = ["demo_doctor"]
    error = error_of(live, "demo_doctor")
    assert isinstance(error, ChannelNotFoundError)
    assert words in str(error)
    assert live.state.last("demo_doctor") == "not_found"


def test_another_accounts_address_is_replaced(live: Live, shop: Channel) -> None:
    live.state.remember_peer(SHOP, KnownPeer(5001, 12345, "demo_shop"))
    assert reasons(live.read([SHOP], FIRST, FIRST)) == []
    assert live.state.peers[SHOP].access_hash != 12345
    assert live.world.calls["contacts.resolveUsername"] == 1


def test_a_channel_tells_of_itself_once_in_a_run(live: Live, shop: Channel) -> None:
    with live.source() as source:
        facts = source.facts(SHOP)
        list(source.read(DayRun(SHOP, FIRST, FIRST)))
        assert source.facts(SHOP) is facts
    assert facts == ChannelFacts(
        channel=SHOP,
        channel_id=5001,
        title="Demo Shop",
        about="Medicines",
        subscribers=1200,
        username="Demo_Shop",
        observed_at=OBSERVED,
    )
    assert live.world.calls["channels.getFullChannel"] == 1


def test_a_post_that_is_none_is_quarantined_and_the_others_are_read(
    live: Live, shop: Channel
) -> None:
    for day in range(1, 4):
        shop.post(f"Day {day}", date=FIRST_DAY + timedelta(days=day), views=day)
    last = FIRST + timedelta(days=3)
    live.run([SHOP], FIRST, last)
    shop.change(2, views=-1)
    assert reasons(live.run([SHOP], FIRST, last, observed_at=LATER)) == []
    ((kind, channel, name, reason),) = live.lake.quarantined()
    assert (kind, channel, name) == ("posts", SHOP, "2")
    assert "views" in reason
    # What was read of it before stands, and it does not count as deleted.
    (post,) = live.lake.posts(Slice(SHOP, FIRST + timedelta(days=1)))
    assert (post.id, post.views, post.missing_since) == (2, 1, None)
    assert posts_in(live.lake, SHOP) == [1, 2, 3, 4]
    assert live.state.last(SHOP) == "ok"


def test_a_group_is_read_with_its_answers_and_senders(live: Live) -> None:
    group = live.world.add_channel(5004, "demo_group", group=True)
    buyer = live.world.add_user(42, "Abebe")
    group.post("Is amoxicillin there?", sender=buyer)
    group.post("Yes", reply_to=1)
    live.read(["demo_group"], FIRST, FIRST)
    posts = live.lake.posts(Slice("demo_group", FIRST))
    assert [p.reply_to for p in posts] == [None, 1]
    assert [p.views for p in posts] == [None, None]


def test_all_that_a_post_says_is_read(live: Live, shop: Channel) -> None:
    from telethon.tl import types

    jpeg = live.world.add_photo(b"\xff\xd8\xff" + bytes(50) + b"\xff\xd9")
    price_list = live.world.add_document(b"%PDF-", "application/pdf", file_name="ዋጋ.pdf")
    picture = live.world.add_document(b"\x89PNG", "image/png", width=640, height=480)
    shop.album(jpeg, jpeg, text="Two boxes", grouped_id=13_000_000_000_000_001)
    shop.post("Prices", media=price_list)
    shop.post("As a file", media=picture)
    shop.post("", media=Poll("Which?", {"Tablets": 3, "Syrup": 1}))
    shop.post("bold offer", entities=(types.MessageEntityBold(0, 4),), reactions={"👍": 3, 77: 1})
    shop.post("again", forwarded_from=Forward(FIRST_DAY, shop, 1), replies=4)
    shop.post(action=types.MessageActionChatEditTitle("Demo"))
    live.read([SHOP], FIRST, FIRST)
    posts = {post.id: post for post in live.lake.posts(Slice(SHOP, FIRST))}
    assert [posts[n].grouped_id for n in (2, 3)] == [13_000_000_000_000_001] * 2
    assert [posts[n].text for n in (2, 3)] == ["Two boxes", ""]
    assert [_kind(posts[n]) for n in range(1, 10)] == [
        None, "photo", "photo", "document", "document", "poll", None, None, None,
    ]  # fmt: skip
    media = posts[2].media
    assert media is not None
    assert (media.photo_id, media.width, media.height) == (jpeg.id, 1280, 960)
    document = posts[4].media
    assert document is not None
    assert (document.file_name, document.mime_type) == ("ዋጋ.pdf", "application/pdf")
    image = posts[5].media
    assert image is not None
    assert image.is_image
    assert "Tablets" in str(posts[6].extra["media"])
    entities = posts[7].entities
    assert entities is not None
    assert [(e.type, e.offset, e.length) for e in entities] == [("bold", 0, 4)]
    reactions = posts[7].reactions
    assert reactions is not None
    assert [(r.emoji, r.count) for r in reactions] == [("👍", 3), ("custom:77", 1)]
    origin = posts[8].forwarded_from
    assert origin is not None
    assert (origin.channel_id, origin.message_id) == (5001, 1)
    assert posts[8].replies == 4
    assert (posts[9].kind, posts[9].text, posts[9].views) == ("service", None, None)
    assert "ChatEditTitle" in str(posts[9].extra["action"])
    kept = "".join(post.model_dump_json() for post in posts.values())
    assert "access_hash" not in kept
    assert "file_reference" not in kept


def _kind(post: LakePost) -> str | None:
    return post.media.kind if post.media else None


def test_a_source_without_requests_never_connects(live: Live) -> None:
    def no_access() -> object:
        raise AssertionError("nothing was asked")

    source = TelethonSource([SHOP], no_access, live.state, OBSERVED)  # pyright: ignore
    assert source.channels() == {SHOP}
    source.close()
