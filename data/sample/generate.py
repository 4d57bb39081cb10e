"""Makes the sample: a recording of four invented channels over thirty days, always the same.

    python data/sample/generate.py [FOLDER]        default: data/sample/recording

No clock and no chance but fixed seeds: the reads are the same bytes everywhere, the pictures the
same bytes on one version of Pillow. FOLDER is replaced.
"""

import io
import json
import math
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import wording
from catalogue import COSMETICS, EQUIPMENT, HEALTH, PHARMACY, Product
from pictures import Picture, draw, seeded

FIRST, LAST = date(2025, 3, 1), date(2025, 3, 30)
# Every channel is read twice: the whole month, and a week later its last ten days again.
READS = (
    (datetime(2025, 4, 1, tzinfo=UTC), FIRST),
    (datetime(2025, 4, 8, tzinfo=UTC), date(2025, 3, 21)),
)
SIZES = ((400, 400), (320, 426), (426, 320), (360, 480))
# From this day on something may change between the two reads.
REREAD = READS[1][1].day

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Channel:
    """One invented channel, and how it posts.

    Attributes:
        first_id: id of its first post of the month; ids of different channels overlap.
        daily: fewest and most original posts on a weekday.
        reposts: how many forwards of its own posts follow an original one, on average.
        amharic: share of its offers that are in Amharic.
        silent: days of the month without any post.
        readers: views that a post of usual interest gets in the long run.
        discussed: whether readers can reply, so that there is a number of replies.
        extras: pictures beyond its products' looks, as in `Product.looks`.
    """

    name: str
    title: str
    channel_id: int
    first_id: int
    catalogue: tuple[Product, ...]
    daily: tuple[int, int]
    reposts: float
    amharic: float
    silent: tuple[int, ...]
    readers: int
    discussed: bool
    extras: tuple[str, ...]


CHANNELS = (
    Channel(
        "demo_selam_pharmacy", "Selam Pharmacy (demo) ሰላም ፋርማሲ", 1009000001, 18011, PHARMACY,
        (2, 4), 1.2, 0.15, (), 5200, False, ("flyer", "bottle blister box"),
    ),
    Channel(
        "demo_tsehay_cosmetics", "Tsehay Cosmetics (demo)", 1009000002, 3402, COSMETICS,
        (3, 5), 0.25, 0.25, (23,), 9100, True, ("person", "person", "tube bottle box", "flyer"),
    ),
    Channel(
        "demo_abay_medical", "Abay Medical Supplies (demo) ዓባይ የሕክምና ዕቃዎች", 1009000003, 3377,
        EQUIPMENT, (3, 4), 0.3, 0.3, (2, 16), 2600, False, ("flyer", "box bottle"),
    ),
    Channel(
        "demo_fewus_health", "ፈውስ ጤና (demo)", 1009000004, 1, HEALTH,
        (2, 4), 0.15, 0.85, (9, 10, 27), 1400, True,
        ("person", "person", "person", "flyer", "flyer", "person box"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PicturePlan:
    """One distinct picture: what it shows, and the photo id under which it was first posted."""

    photo_id: int
    channel: str
    product: Product | None
    products: tuple[str, ...]
    person: bool
    label: str
    size: tuple[int, int]

    def draw(self) -> Picture:
        """Draw it; the same plan gives the same picture."""
        rng = seeded(f"picture {self.photo_id}")
        return draw(rng, self.size, self.products, person=self.person, label=self.label)

    def jpeg(self) -> bytes:
        """Return the file as it is posted."""
        file = io.BytesIO()
        self.draw().image.save(file, "JPEG", quality=78, optimize=True)
        return file.getvalue()


@dataclass(slots=True, eq=False)
class Draft:
    """One post while its channel's month is made up; `later_*` is what a second read finds."""

    at: datetime
    text: str | None = None
    kind: str = "message"
    media: Json | None = None
    id: int = 0
    grouped_id: int | None = None
    reply_to: "Draft | None" = None
    forward_of: "Draft | None" = None
    interest: float = 1.0
    reactions: tuple[str, ...] = ()
    edit_date: datetime | None = None
    later_text: str | None = None
    later_media: Json | None = None
    later_edit: datetime | None = None
    vanishes: bool = False
    price: int | None = None
    extra: Json = field(default_factory=dict[str, Any])

    @property
    def photo_id(self) -> int | None:
        """Return the id of the post's photo, if it has one."""
        return self.media.get("photo_id") if self.media else None


@cache
def picture_plans() -> tuple[PicturePlan, ...]:
    """Return the distinct pictures, in a fixed order; the cut-off one is among them."""
    plans: list[PicturePlan] = []
    for channel in CHANNELS:
        looks = [(product, look) for product in channel.catalogue for look in product.looks]
        for number, (product, look) in enumerate(
            [*looks, *((None, look) for look in channel.extras)]
        ):
            rng = seeded(f"plan {channel.name} {number}")
            things = tuple(thing for thing in look.split() if thing not in ("person", "flyer"))
            label = product.label if product else "Selected for you"
            if "flyer" in look:
                label = wording.FLYERS[(number + channel.channel_id) % len(wording.FLYERS)]
            plans.append(
                PicturePlan(
                    photo_id=5_300_000_000_000_000_000 + rng.getrandbits(56),
                    channel=channel.name,
                    product=product,
                    products=things,
                    person="person" in look.split(),
                    label="" if look == "person" else label,
                    size=rng.choice(SIZES),
                )
            )
    return tuple(plans)


@cache
def uploads_again() -> tuple[tuple[str, int, PicturePlan], ...]:
    """Return the pictures that are uploaded once more, byte for byte the same, under another id.

    Two for each channel, as channel, new photo id and picture: of its own pictures, but the health
    channel takes the pharmacy's.
    """
    again: list[tuple[str, int, PicturePlan]] = []
    for channel in CHANNELS:
        source = CHANNELS[0] if channel.name == "demo_fewus_health" else channel
        own = [plan for plan in picture_plans() if plan.channel == source.name and plan.product]
        rng = seeded(f"again {channel.name}")
        for plan in rng.sample(own, 2):
            again.append((channel.name, 5_400_000_000_000_000_000 + rng.getrandbits(56), plan))
    return tuple(again)


@cache
def corrupt_picture() -> PicturePlan:
    """Return the picture whose file is cut off: the medical channel's last."""
    return [plan for plan in picture_plans() if plan.channel == "demo_abay_medical"][-1]


class Month:
    """Makes up one channel's posts."""

    def __init__(self, channel: Channel) -> None:
        """Prepare the channel's pictures and prices; nothing is posted yet."""
        self.channel = channel
        self.rng = seeded(f"month {channel.name}")
        self.posts: list[Draft] = []
        plans = [plan for plan in picture_plans() if plan.channel == channel.name]
        spare = corrupt_picture()
        self.photos = {
            product.name: [plan for plan in plans if plan.product is product and plan is not spare]
            for product in channel.catalogue
        }
        self.loose = [plan for plan in plans if plan.product is None and plan != spare]
        self.shown: dict[int, int] = {}
        self.rises = {
            product.name: (self.rng.randint(8, 24), self.rng.choice((1.05, 1.1, 1.15, 1.25)))
            for product in channel.catalogue
            if self.rng.random() < 0.4
        }
        self.again = {id_: plan for name, id_, plan in uploads_again() if name == channel.name}

    def posted(self) -> list[Draft]:
        """Return the month's posts in order, with their ids."""
        self._days()
        self._singular_posts()
        self.posts.sort(key=lambda post: post.at)
        number = self.channel.first_id
        for post in self.posts:
            post.id = number
            album = post.grouped_id is not None
            number += 1 if album or self.rng.random() > 0.05 else self.rng.randint(2, 3)
        self._changes()
        return self.posts

    # --- the usual days --------------------------------------------------------------------------

    def _days(self) -> None:
        for offset in range((LAST - FIRST).days + 1):
            day = FIRST + timedelta(days=offset)
            if day.day in self.channel.silent:
                continue
            fewest, most = self.channel.daily
            count = self.rng.randint(fewest, most) - (1 if day.weekday() == 6 else 0)
            for _ in range(max(1, count)):
                self._something(self._moment(day))
            whole, part = divmod(self.channel.reposts * max(1, count), 1)
            for _ in range(int(whole) + (self.rng.random() < part)):
                self._repost(self._moment(day))
            greeting = wording.GREETINGS.get(day.isoformat())
            if greeting and self.rng.random() < 0.6:
                self._post(
                    datetime(day.year, day.month, day.day, 4, 30, 12, tzinfo=UTC),
                    greeting,
                    interest=1.6,
                )

    def _moment(self, day: date) -> datetime:
        """Choose a second of the day: shop hours, now and then just around UTC midnight."""
        chance = self.rng.random()
        second = self.rng.randint(4 * 3600, 19 * 3600)
        if chance < 0.02:
            second = self.rng.randint(0, 240)
        elif chance < 0.04:
            second = 86_399 - self.rng.randint(0, 240)
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)

    def _something(self, at: datetime) -> None:
        health = self.channel.name == "demo_fewus_health"
        chance = self.rng.random()
        if chance < (0.42 if health else 0.7):
            self._offer(at)
        elif chance < (0.48 if health else 0.77):
            self._album(at)
        elif chance < (0.52 if health else 0.86):
            self._list(at)
        elif chance < 0.95:
            tips = wording.TIPS if health or self.rng.random() < 0.4 else wording.ENGLISH_TIPS
            text = self.rng.choice(tips)
            media = self._photo(self._loose()) if health and self.rng.random() < 0.5 else None
            self._post(at, text, media, interest=1.3)
        else:
            self._post(at, self.rng.choice(wording.CHATTER[self.channel.name]), interest=0.8)

    def _post(
        self, at: datetime, text: str | None, media: Json | None = None, *, interest: float = 1.0
    ) -> Draft:
        post = Draft(at, text, media=media, interest=interest * self.rng.uniform(0.6, 1.5))
        if self.rng.random() < 0.2:
            post.reactions = tuple(
                self.rng.sample(("👍", "❤", "🔥", "🙏", "😍", "👏"), self.rng.randint(1, 4))
            )
        self.posts.append(post)
        return post

    def _offer(self, at: datetime) -> Draft:
        product = min(
            self.rng.sample(self.channel.catalogue, 4),
            key=lambda item: min(
                self.shown.get(plan.photo_id, 0) for plan in self.photos[item.name]
            ),
        )
        post = self._post(at, self._offer_text(product, at.day), self._photo_of(product))
        post.price = self._price(product, at.day)
        return post

    def _offer_text(self, product: Product, day: int) -> str:
        amharic = self.rng.random() < self.channel.amharic
        text = wording.offer(self.rng, product, self._price(product, day), amharic=amharic)
        if self.rng.random() < 0.94:
            text += ("\n" if self.rng.random() < 0.5 else "\n\n") + wording.footer(
                self.channel.name, day
            )
        return wording.with_zero_width(text) if self.rng.random() < 0.025 else text

    def _album(self, at: datetime) -> None:
        """Post several photos at once; only one of them carries the text."""
        shown = self.rng.sample(self.channel.catalogue, self.rng.randint(2, 4))
        offers = [(product, self._price(product, at.day)) for product in shown]
        amharic = self.rng.random() < self.channel.amharic
        caption = wording.album_caption(self.rng, offers, amharic=amharic)
        caption += "\n\n" + wording.footer(self.channel.name, at.day)
        group = 13_900_000_000_000_000 + self.rng.getrandbits(40)
        speaks = 0 if self.rng.random() < 0.8 else len(shown) - 1
        interest = self.rng.uniform(0.8, 1.6)
        for number, product in enumerate(shown):
            post = self._post(at, caption if number == speaks else "", self._photo_of(product))
            post.grouped_id, post.interest, post.reactions = group, interest, ()

    def _list(self, at: datetime) -> Draft:
        catalogue = self.channel.catalogue
        shown = self.rng.sample(catalogue, self.rng.randint(5, min(12, len(catalogue))))
        offers = [(product, self._price(product, at.day)) for product in shown]
        amharic = self.rng.random() < self.channel.amharic
        text = wording.price_list(self.rng, offers, amharic=amharic)
        return self._post(
            at, text + "\n\n" + wording.footer(self.channel.name, at.day), interest=1.4
        )

    def _repost(self, at: datetime) -> None:
        """Forward one of the channel's own earlier posts, which keeps its text and photo."""
        earlier = [
            post
            for post in self.posts
            if post.media and post.at < at and post.grouped_id is None and post.forward_of is None
        ]
        if earlier:
            original = self.rng.choice(earlier[-40:])
            again = self._post(at, original.text, original.media, interest=0.7)
            again.forward_of = original

    def _price(self, product: Product, day: int) -> int:
        since, factor = self.rises.get(product.name, (99, 1.0))
        price = product.price * (factor if day >= since else 1.0)
        return round(price / 5) * 5 if price < 1000 else round(price / 50) * 50

    def _photo_of(self, product: Product) -> Json:
        return self._photo(self._least_shown(self.photos[product.name]))

    def _loose(self) -> PicturePlan:
        return self._least_shown(self.loose)

    def _least_shown(self, plans: list[PicturePlan]) -> PicturePlan:
        return min(plans, key=lambda plan: (self.shown.get(plan.photo_id, 0), plan.photo_id))

    def _photo(self, plan: PicturePlan, photo_id: int | None = None) -> Json:
        self.shown[plan.photo_id] = self.shown.get(plan.photo_id, 0) + 1
        return {
            "kind": "photo",
            "mime_type": "image/jpeg",
            "width": plan.size[0],
            "height": plan.size[1],
            "photo_id": photo_id or plan.photo_id,
        }

    # --- what happens once -----------------------------------------------------------------------

    def _singular_posts(self) -> None:
        for photo_id, plan in self.again.items():
            assert plan.product is not None
            at = self._moment(self._open_day(3, 28))
            self._post(at, self._offer_text(plan.product, at.day), self._photo(plan, photo_id))
        spare = corrupt_picture()
        if spare.channel == self.channel.name:
            at = datetime(2025, 3, 12, 8, 5, 40, tzinfo=UTC)
            self._post(
                at,
                "New arrivals, ask for prices\n" + wording.footer(self.channel.name, 12),
                self._photo(spare),
            )
        self._use_every_picture()
        only = {
            "demo_selam_pharmacy": self._only_pharmacy,
            "demo_tsehay_cosmetics": self._only_cosmetics,
            "demo_abay_medical": self._only_medical,
            "demo_fewus_health": self._only_health,
        }
        only[self.channel.name]()

    def _open_day(self, first: int, last: int) -> date:
        day = self.rng.randint(first, last)
        while day in self.channel.silent:
            day += 1
        return date(2025, 3, day)

    def _use_every_picture(self) -> None:
        for plan in (plan for plans in (*self.photos.values(), self.loose) for plan in plans):
            if plan.photo_id not in self.shown:
                at = self._moment(self._open_day(2, 29))
                flyer = plan.label.replace("\n", ", ").capitalize()
                text = self._offer_text(plan.product, at.day) if plan.product else flyer
                self._post(at, text, self._photo(plan))

    def _only_pharmacy(self) -> None:
        pinned = self._list(datetime(2025, 3, 3, 6, 0, 2, tzinfo=UTC))
        pinned.extra = {"pinned": True}
        notice = Draft(
            pinned.at + timedelta(seconds=41), kind="service", extra={"action": "pin_message"}
        )
        notice.reply_to = pinned
        self.posts.append(notice)
        video = {
            "kind": "video", "mime_type": "video/mp4", "size_bytes": 2_411_724,
            "width": 720, "height": 1280, "file_name": "visit_us.mp4",
        }  # fmt: skip
        self._post(
            datetime(2025, 3, 18, 15, 20, 9, tzinfo=UTC),
            "Come and visit us 🎥",
            video,
            interest=1.8,
        )

    def _only_cosmetics(self) -> None:
        self._post(
            datetime(2025, 3, 14, 17, 2, 0, tzinfo=UTC),
            "",
            {"kind": "poll"},
        ).extra = {
            "poll_question": "Which product do you want next?",
            "poll_answers": "Serum | Cream | Oil",
        }
        self._post(
            datetime(2025, 3, 20, 9, 44, 31, tzinfo=UTC),
            "Read how to choose a sunscreen: https://tsehay.example/sunscreen",
            {"kind": "webpage"},
        ).extra = {
            "webpage_url": "https://tsehay.example/sunscreen",
            "webpage_title": "Choosing a sunscreen",
        }

    def _only_medical(self) -> None:
        for day in (5, 19):
            pdf = {
                "kind": "document", "mime_type": "application/pdf", "size_bytes": 184_320 + day,
                "file_name": f"price_list_2025-03-{day:02d}.pdf",
            }  # fmt: skip
            text = "Our price list as PDF 👆 የዋጋ ዝርዝር\n" + wording.footer(self.channel.name, day)
            self._post(datetime(2025, 3, day, 6, 30, 0, tzinfo=UTC), text, pdf)

    def _only_health(self) -> None:
        created = Draft(
            datetime(2025, 3, 1, 3, 0, 0, tzinfo=UTC),
            kind="service",
            extra={"action": "channel_create"},
        )
        self.posts.append(created)
        self._post(datetime(2025, 3, 13, 16, 0, 0, tzinfo=UTC), wording.LONG_POST, interest=2.5)
        question = self._post(
            datetime(2025, 3, 21, 5, 0, 0, tzinfo=UTC), "ጥያቄ፦ የደም ግፊትዎን በወር ስንት ጊዜ ይለካሉ?"
        )
        answer = self._post(datetime(2025, 3, 21, 18, 0, 0, tzinfo=UTC), "መልስ፦ " + wording.TIPS[2])
        answer.reply_to = question

    # --- edits and what vanishes -----------------------------------------------------------------

    def _changes(self) -> None:
        """Edit some posts before and some after the first read, and let one vanish."""
        plain = [
            post
            for post in self.posts
            if post.photo_id and post.grouped_id is None and post.forward_of is None
        ]
        quoted = {other for post in self.posts for other in (post.forward_of, post.reply_to)}
        for post in self.rng.sample([post for post in plain if post.at.day < REREAD], 2):
            post.edit_date = post.at + timedelta(minutes=self.rng.randint(2, 90))
        recent = [
            post
            for post in plain
            if post.at.day >= REREAD and post not in quoted and post.photo_id not in self.again
        ]
        edited = self.rng.sample([post for post in recent if post.price], 2)
        for number, post in enumerate(edited):
            post.later_edit = READS[0][0] + timedelta(
                days=2 + number, seconds=self.rng.randint(9_000, 60_000)
            )
            post.later_text = f"❌ SOLD OUT {post.text}" if number else _dearer(post)
        if self.channel.name == "demo_tsehay_cosmetics":
            other = self._least_shown([plan for plan in self.loose if plan.person])
            edited[0].later_media = self._photo(other)
        if self.channel.name in ("demo_selam_pharmacy", "demo_abay_medical"):
            # Its picture stays in use, so the recording loses none.
            uses = Counter(post.photo_id for post in self.posts)
            twice = [post for post in recent if post not in edited and uses[post.photo_id] > 1]
            self.rng.choice(twice).vanishes = True


def _dearer(post: Draft) -> str:
    """Return a post's text with a price a tenth higher."""
    text, price = post.text or "", post.price or 0
    higher = round(price * 1.1 / 5) * 5
    return text.replace(f"{price:,}", f"{higher:,}").replace(str(price), str(higher))


# --- a read --------------------------------------------------------------------------------------


def read_of(channel: Channel, posts: list[Draft], observed_at: datetime, first: date) -> Json:
    """Return what one complete read of a channel's days finds at a logical time."""
    again = observed_at != READS[0][0]
    return {
        "channel": channel.name,
        "observed_at": stamp(observed_at),
        "first": first.isoformat(),
        "last": LAST.isoformat(),
        "posts": [
            _as_read(channel, post, observed_at, again=again)
            for post in posts
            if post.at.date() >= first and not (again and post.vanishes)
        ],
    }


def _as_read(channel: Channel, post: Draft, observed_at: datetime, *, again: bool) -> Json:
    edited = again and post.later_edit is not None
    text = post.later_text if edited and post.later_text else post.text
    media = post.later_media if edited and post.later_media else post.media
    edit_date = post.later_edit if edited else post.edit_date
    service = post.kind == "service"
    views = None if service else _views(channel, post, observed_at)
    return {
        "id": post.id,
        "date": stamp(post.at),
        "kind": post.kind,
        "edit_date": stamp(edit_date) if edit_date else None,
        "text": text,
        "entities": entities(text or ""),
        "views": views,
        "forwards": None if views is None else int(views * 0.004 * post.interest),
        "replies": int(views * 0.002 * post.interest)
        if views is not None and channel.discussed
        else None,
        "reactions": _reactions(post, views),
        "grouped_id": post.grouped_id,
        "reply_to": post.reply_to.id if post.reply_to else None,
        "forwarded_from": _origin(channel, post.forward_of),
        "media": media,
        "extra": post.extra,
    }


def _views(channel: Channel, post: Draft, observed_at: datetime) -> int:
    """Most readers come in the first days, a few for ever after."""
    age = (observed_at - post.at) / timedelta(days=1)
    return 1 + int(channel.readers * post.interest * (1 - math.exp(-age / 2.5)) * (1 + age / 90))


def _reactions(post: Draft, views: int | None) -> list[Json] | None:
    if not post.reactions or views is None:
        return None
    return [
        {"emoji": emoji, "count": 1 + views // (220 * (place + 1) ** 2)}
        for place, emoji in enumerate(post.reactions)
    ]


def _origin(channel: Channel, original: Draft | None) -> Json | None:
    if original is None:
        return None
    return {
        "channel_id": channel.channel_id,
        "channel": channel.name,
        "name": channel.title,
        "message_id": original.id,
        "date": stamp(original.at),
    }


_FORMATTED = (
    ("phone", re.compile(r"(?:\+251|\b0)[ ]?9[0-9 ]{8,11}[0-9]")),
    ("mention", re.compile(r"@[a-z_]+")),
    ("url", re.compile(r"https://\S+")),
    ("hashtag", re.compile(r"#\w+")),
)


def entities(text: str) -> list[Json] | None:
    """Return the formatted parts of a text; offsets and lengths count UTF-16 code units."""
    found = [
        {"type": kind, "offset": _units(text[: match.start()]), "length": _units(match.group())}
        for kind, pattern in _FORMATTED
        for match in pattern.finditer(text)
    ]
    head = text.split("\n", 1)[0]
    if head.isupper() and len(head) < 60:
        found.append({"type": "bold", "offset": 0, "length": _units(head)})
    return sorted(found, key=lambda part: (part["offset"], part["type"])) or None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def stamp(moment: datetime) -> str:
    """Spell a moment of UTC as in the recording."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- files ---------------------------------------------------------------------------------------


def reads() -> dict[str, bytes]:
    """Return the recording's text files: path within the recording, and content."""
    channels = [{"channel": c.name, "title": c.title, "channel_id": c.channel_id} for c in CHANNELS]
    files = {"channels.json": _lines(channels)}
    for channel in CHANNELS:
        posts = Month(channel).posted()
        for observed_at, first in READS:
            read = read_of(channel, posts, observed_at, first)
            head = json.dumps(
                {key: read[key] for key in ("channel", "observed_at", "first", "last")}
            )
            name = f"reads/{channel.name}/{observed_at:%Y%m%dT%H%M%SZ}.json"
            files[name] = head[:-1].encode() + b', "posts": ' + _lines(read["posts"])[:-1] + b"}\n"
    return files


def _lines(rows: list[Json]) -> bytes:
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode("utf-8")


def images() -> Iterator[tuple[int, bytes]]:
    """Yield the recording's pictures: photo id, and content of the file."""
    again: dict[int, list[int]] = {}
    for _, photo_id, plan in uploads_again():
        again.setdefault(plan.photo_id, []).append(photo_id)
    corrupt = corrupt_picture()
    for plan in picture_plans():
        content = plan.jpeg()
        if plan == corrupt:
            content = content[: len(content) * 2 // 5]
        for photo_id in (plan.photo_id, *again.get(plan.photo_id, ())):
            yield photo_id, content


def main() -> None:
    """Write the recording."""
    target = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "recording"
    )
    if target.exists():
        shutil.rmtree(target)
    (target / "images").mkdir(parents=True)
    for name, content in reads().items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for photo_id, content in images():
        (target / "images" / f"{photo_id}.jpg").write_bytes(content)
    files = [path for path in target.rglob("*") if path.is_file()]
    print(f"{target}: {len(files)} files, {sum(path.stat().st_size for path in files):,} bytes")


if __name__ == "__main__":
    main()
