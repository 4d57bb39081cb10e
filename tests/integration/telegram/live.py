"""A run against data centres on loopback: its source, its clock, its lake."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Failed, Outcome
from medwh_assets.slices import DayRun, Slice
from medwh_assets.telegram.client import Credentials, Patience
from medwh_assets.telegram.reading import LiveAccount, SourceDirectory, read_images, read_slices
from medwh_assets.telegram.telethon_source import TelethonSource
from tests.mtproto import Account, DataCentres, World
from tests.unit.telegram.accounts import RememberedAccount

# All days of the tests are over by then.
OBSERVED = datetime(2025, 6, 1, tzinfo=UTC)
FIRST = date(2025, 1, 1)
# What a server that does not answer costs the tests: milliseconds instead of a minute.
IMPATIENT = Patience(answer=0.4, goodbye=0.2, pauses=(0.0, 0.0), lost=60.0)


@dataclass
class SkippingClock:
    """Waits take no time, but the clock shows them."""

    start: datetime = OBSERVED
    slept: list[float] = field(default_factory=list[float])
    passed: float = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def seconds(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        if seconds:
            self.slept.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)


@dataclass
class Rest:
    """Remembers what runs have left."""

    left: set[Slice] = field(default_factory=set[Slice])

    def leave(self, slices: Iterable[Slice]) -> None:
        self.left |= set(slices)

    def take_up(self, slices: Iterable[Slice]) -> None:
        self.left -= set(slices)


@dataclass
class Live:
    """Runs of one account on one lake."""

    world: World
    centres: DataCentres
    account: Account
    lake: Lake
    state: RememberedAccount = field(default_factory=RememberedAccount)
    clock: SkippingClock = field(default_factory=SkippingClock)
    waits: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    rest: Rest = field(default_factory=Rest)
    session: str = ""
    channels: Sequence[str] | None = None

    def __post_init__(self) -> None:
        self.session = self.session or self.centres.session(self.account)

    def source(self, **options: Any) -> TelethonSource:
        """A source for one run."""
        names = [c.username.lower() for c in self.world.channels.values() if c.username]
        given: dict[str, Any] = {
            "requests_per_second": 1.0,
            "on_wait": lambda left, why: self.waits.append((left, why)),
            "clock": self.clock,
            "patience": Patience(answer=5.0, pauses=(0.0, 0.0)),
            "observed_at": OBSERVED,
            "channels": self.channels or [*names, "demo_unknown", "demo_shop"],
            **options,
        }
        secret = SecretStr("0123456789abcdef0123456789abcdef")
        return TelethonSource(
            access=lambda: Credentials(1, secret, SecretStr(self.session)),
            state=self.state,
            **given,
        )

    def read(
        self, channels: Iterable[str], first: date, last: date, **options: Any
    ) -> list[Outcome]:
        """One run: a walk of each channel into the lake."""
        with self.source(**options) as source:
            return self.read_from(source, channels, first, last)

    def read_from(
        self, source: TelethonSource, channels: Iterable[str], first: date, last: date
    ) -> list[Outcome]:
        return list(read_slices(self.lake, SourceDirectory([source]), days(channels, first, last)))

    def run(
        self, channels: Iterable[str], first: date, last: date, **options: Any
    ) -> list[Outcome]:
        """One run as the pipeline makes it: what the lake knows of a channel is told too."""
        names = list(channels)
        observed_at: datetime = options.get("observed_at", OBSERVED)
        account = LiveAccount(
            frozenset(names),
            lambda: self.source(channels=names, **options),
            observed_at,
            self.rest,
        )
        return list(read_slices(self.lake, SourceDirectory([], account), days(names, first, last)))

    def fetch(
        self, channels: Iterable[str], first: date, last: date, **options: Any
    ) -> list[Outcome]:
        """One run: the images of each channel's posts into the lake."""
        with self.source(**options) as source:
            return list(
                read_images(self.lake, SourceDirectory([source]), days(channels, first, last))
            )


def days(channels: Iterable[str], first: date, last: date) -> list[Slice]:
    return [piece for channel in channels for piece in DayRun(channel, first, last).slices()]


def posts_in(lake: Lake, channel: str) -> list[int]:
    """The ids of a channel's posts in the lake, sorted."""
    return sorted(
        post.id for piece in lake.slices() if piece.channel == channel for post in lake.posts(piece)
    )


def count(outcomes: Iterable[Outcome], name: str) -> int:
    return sum(int(o.counts.get(name, 0)) for o in outcomes if isinstance(o, Done))


def reasons(outcomes: Iterable[Outcome]) -> list[str]:
    return [o.reason for o in outcomes if isinstance(o, Failed)]


def new_lake(folder: Path) -> Lake:
    return Lake(folder / "lake")
