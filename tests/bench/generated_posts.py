"""Any number of realistic posts of invented channels, always the same ones: for the benchmarks.

Shares are those of real channels of each kind: a shop repeats nine of ten posts under a footer with
delivery fees, an importer half of its lists of thirty items and more, a clinic writes tips in
Amharic, a job board vacancies and trainings. Prices drift from month to month. Phone numbers come
from a block of zeros.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from random import Random

from medwh_assets.lake.merge import post_from_reading
from medwh_assets.lake.records import Content, Media, Observation, Post
from medwh_assets.slices import Slice

SEEDS = Path(__file__).parents[2] / "medwh_dbt" / "seeds"
FIRST_DAY = date(2022, 1, 1)

_TIPS = (
    "Did you know? Antibiotics do not help against a cold, which is caused by a virus.\nTaking them"
    " when they are not needed makes bacteria resistant, so ask your pharmacist first.",
    "የደም ግፊት ምንድን ነው?\nየደም ግፊት ማለት ደም በደም ሥሮች ግድግዳ ላይ የሚያሳድረው ጫና ነው።"
    " ምልክቶቹ ራስ ምታት፣ ማዞርና የዓይን ብዥታ ናቸው።",
    "{name} ሲወስዱ መጠኑን ያክብሩ። ከታዘዘው መጠን በላይ መውሰድ ለጉበት ጎጂ ነው፤ ሐኪምዎን ያማክሩ።",
    "Store {name} in a dry and cool place, out of reach of children. Check the expiry date on the"
    " pack, and never share a prescription with patients who were not examined.",
    "Diabetes symptoms are thirst, tiredness and frequent urination. Early diagnosis prevents"
    " complications of the kidney, the heart and the eye.",
)
_JOBS = (
    "Urgent vacancy\n#Position: {job}\n#Experience {years} years and above\n#Salary: {money} birr\n"
    "#Location: {place}\n#Apply: {phone}",
    "ክፍት የሥራ ቦታ\nየሥራ መደብ፡ {job}\nልምድ፡ {years} ዓመት\nደመወዝ፡ {money} ብር\nበ{phone} ይደውሉ",
    "CPD training for all health professionals\n15 CEU = 400 BIRR\n30 CEU = 800 BIRR\nCertificate"
    " included, register now\n📲{phone}",
)
_CHATTER = (
    "Good morning dear customers ☀️ We are open until {years} pm today.",
    "መልካም በዓል ለመላው ቤተሰቦቻችን 🌼",
    "Thank you for {money} followers 🙏",
    "",
)
_PLACES = ("Bole", "Piassa", "Megenagna", "ቦሌ", "CMC", "Gerji", "Sarbet")
_JOB_NAMES = (
    "Pharmacist",
    "Druggist",
    "Nurse",
    "ፋርማሲስት",
    "Sales person",
    "Laboratory technologist",
)
_STRENGTHS = ("500mg", "250mg/5ml", "20 mg", "5mg", "1gm", "0.1%", "1000 IU", "40mg")
_PACKS = ("10x10", "of 20", "100ml", "60 tablets", "3x10", "of 50", "30gm", "90 caps")
_BULLETS = ("✅", "💊", "🔥", "#", "•", "👉", "✔️")
_ERRORS = 20


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel: how it writes, how often it posts among all, how often it says something again."""

    name: str
    kind: str
    weight: int
    repeats: float
    phones: tuple[str, str]


def _phones(number: int) -> tuple[str, str]:
    return f"09000{number:02d}{number:03d}"[:10], f"+2519000{number:02d}{number + 100:03d}"[:13]


CHANNELS = tuple(
    _Channel(name, kind, weight, repeats, _phones(number))
    for number, (name, kind, weight, repeats) in enumerate(
        (
            ("bench_shop_one", "shop", 30, 0.90),
            ("bench_shop_two", "shop", 20, 0.80),
            ("bench_cosmetics", "shop", 10, 0.70),
            ("bench_import_one", "import", 8, 0.50),
            ("bench_import_two", "import", 6, 0.45),
            ("bench_pharmacy_am", "amharic", 12, 0.60),
            ("bench_clinic", "tips", 6, 0.20),
            ("bench_jobs", "jobs", 8, 0.40),
        ),
        start=1,
    )
)


@dataclass(frozen=True, slots=True)
class GeneratedPost:
    """One invented post."""

    channel: str
    message_id: int
    at: datetime
    text: str
    is_forward: bool


class _Writer:
    """Writes the posts of one channel."""

    def __init__(self, channel: _Channel, names: Sequence[str], amharic: Sequence[str]) -> None:
        self.channel = channel
        # Every channel has a choice of its own and writes independently of the others.
        self.random = Random(channel.name)
        self.names = self.random.sample(names, 250)
        self.amharic = self.random.sample(amharic, 120)
        self.recent: list[str] = []
        self.next_id = self.random.randrange(1, 5_000)

    def write(self, at: datetime) -> GeneratedPost:
        self.next_id += self.random.randrange(1, 3)
        again = bool(self.recent) and self.random.random() < self.channel.repeats
        if again:
            text = self.random.choice(self.recent)
        else:
            text = self._new(at)
            self.recent.append(text)
            del self.recent[:-200]
        return GeneratedPost(self.channel.name, self.next_id, at, text, again)

    def _new(self, at: datetime) -> str:
        match self.channel.kind:
            case "shop":
                return self._shop(at)
            case "import":
                return self._list(at)
            case "amharic":
                return self._amharic(at)
            case "tips":
                return self._tip()
            case _:
                return self._job()

    def _price(self, name: str, at: datetime) -> int:
        months = (at.year - FIRST_DAY.year) * 12 + at.month - 1
        base = Random(name).randrange(20, 9_000)
        return max(5, round(base * (1 + 0.015 * months) * self.random.uniform(0.95, 1.05)))

    def _name(self) -> str:
        name = self.random.choice(self.names)
        if self.random.randrange(_ERRORS) == 0 and len(name) > 7:
            place = self.random.randrange(2, len(name) - 2)
            name = name[:place] + name[place + 1 :]
        return name.upper() if self.random.random() < 0.3 else name

    def _footer(self, at: datetime) -> str:
        most = 200 if at.year < 2023 else 500
        one, two = self.channel.phones
        return (
            f"Telegram @{self.channel.name}\n☎️ call {one}/{two}\n"
            "Address:- Demo Avenue beside the Example Building GROUND FLOOR\n"
            "Open Monday - Sunday from 8am until midnight ከጠዋቱ 2:00 - እስከ ምሽቱ 6:00 ሰዓት\n"
            f"🏍🏍🏍 የትራንስፖርት አማራጭ ከ70 - {most} ብር\n"
            f"For delivery option fees are from 70 birr - {most} birr"
        )

    def _shop(self, at: datetime) -> str:
        if self.random.random() < 0.04:
            return self.random.choice(_CHATTER).format(years=9, money="5,000")
        name = self._name()
        price = self._price(name, at)
        shape = self.random.choice(
            ("Price {0} birr", "Price {0:,} birr", "price: {0} ETB", "{0:,} birr only", "ዋጋ {0} ብር")
        )
        line = f"{name} {self.random.choice(_PACKS)}" if self.random.random() < 0.5 else name
        return f"{line}\n{shape.format(price)}\n{self._footer(at)}"

    def _list(self, at: datetime) -> str:
        bullet = self.random.choice(_BULLETS)
        priced = self.random.random() < 0.4
        lines = ["New arrivals" if self.random.random() < 0.5 else "Available items with price", ""]
        for _ in range(self.random.randrange(4, 45)):
            name = self._name()
            strength, pack = self.random.choice(_STRENGTHS), self.random.choice(_PACKS)
            line = f"{bullet} {name} {strength} {pack}"
            if priced:
                line += self.random.choice(
                    (" ={0}", " 💵{0}birr", " .... {0}", " {0:,} br")
                ).format(self._price(name, at))
            lines.append(line)
            if not priced and self.random.random() < 0.5:
                month, year = self.random.randrange(1, 13), at.year % 100 + 2
                lines += [f"📦 {self.random.randrange(10, 900)}", f"⏳ {month:02d}/{year}"]
        one, two = self.channel.phones
        return "\n".join([*lines, "", f"☎️ {one}", f"☎️ {two}", "Fast & free delivery 🚛"])

    def _amharic(self, at: datetime) -> str:
        lines: list[str] = []
        for _ in range(self.random.randrange(1, 6)):
            name = self.random.choice(self.amharic)
            lines.append(f"✅ {name} ዋጋ {self._price(name, at):,} ብር")
        one, _ = self.channel.phones
        return "\n".join(
            [*lines, f"ለማዘዝ {one} ይደውሉ", "አድራሻ፡ ምሳሌ ሕንፃ 2ኛ ፎቅ", "ያሉበት ቦታ እናደርሳለን፤ ዴሊቨሪ 100 ብር"]
        )

    def _tip(self) -> str:
        tip = self.random.choice(_TIPS).format(name=self._name())
        # No two writers put it in the same words.
        return f"{tip}\n({self.random.randrange(10_000)})\nt.me/{self.channel.name}"

    def _job(self) -> str:
        return self.random.choice(_JOBS).format(
            job=self.random.choice(_JOB_NAMES),
            years=self.random.randrange(0, 6),
            money=f"{self.random.randrange(5, 30)},000",
            place=self.random.choice(_PLACES),
            phone=f"0900{self.random.randrange(300):06d}",
        )


def generate(count: int, *, posts_a_day: int = 1_000) -> Iterator[GeneratedPost]:
    """Yield posts, day by day, and within a day by channel and id.

    Args:
        count: how many.
        posts_a_day: of all channels together.
    """
    names = _names("product_vocabulary.csv", "product_name")
    amharic = [row for row in _names("product_aliases.csv", "alias") if not row.isascii()]
    writers = [_Writer(channel, names, amharic) for channel in CHANNELS]
    weights = [channel.weight for channel in CHANNELS]
    random = Random(count)
    for first in range(0, count, posts_a_day):
        day = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
        day += timedelta(days=first // posts_a_day)
        today = random.choices(writers, weights, k=min(posts_a_day, count - first))
        today.sort(key=lambda writer: writer.channel.name)
        for second, writer in enumerate(today):
            yield writer.write(day + timedelta(seconds=second * 60 % 86_400))


def slices(count: int, *, posts_a_day: int = 1_000) -> Iterator[tuple[Slice, list[Post]]]:
    """Yield the same posts as records of the lake, slice by slice."""
    made = generate(count, posts_a_day=posts_a_day)
    for (channel, day), posts in groupby(made, key=lambda post: (post.channel, post.at.date())):
        yield Slice(channel, day), [_record(post) for post in posts]


def _record(post: GeneratedPost) -> Post:
    views = post.message_id * 37 % 5_000
    return post_from_reading(
        content=Content(
            text=post.text or None,
            media=Media(kind="photo", photo_id=post.message_id) if post.message_id % 3 else None,
        ),
        observation=Observation(
            observed_at=post.at + timedelta(days=1), views=views, forwards=views % 11, replies=0
        ),
        source="bench",
        id=post.message_id,
        channel=post.channel,
        date=post.at,
        date_authority="telegram",
    )


def _names(seed: str, column: str) -> list[str]:
    with (SEEDS / seed).open(encoding="utf-8", newline="") as file:
        return [row[column] for row in csv.DictReader(file)]
