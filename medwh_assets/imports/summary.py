"""What an import did, by channel: numbers for whoever started it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from medwh_assets.lake.store import ImportCounts


@dataclass(slots=True)
class ChannelSummary:
    """What an import did to one channel.

    Attributes:
        files: files that speak of it.
        records: records of it, whatever became of them.
        new: posts that the lake did not have.
        changed: posts that it had and now knows more of.
        unchanged: posts of which it knew all that.
        duplicates: further readings of these posts within the import.
        left_out: posts whose slice in the lake cannot be read or written; nothing of them came in.
        mended: characters that nothing can hold, replaced by U+FFFD.
        misdecoded: texts that were decoded wrongly before they were saved.
        quarantined: records and images that are none, by reason.
        images: files that were matched to a post.
        images_absent: posts whose record names an image that is not there.
        images_unmatched: files that belong to no post of the import.
        first: the first day of its posts.
        last: the last one.
    """

    files: int = 0
    records: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicates: int = 0
    left_out: int = 0
    mended: int = 0
    misdecoded: int = 0
    quarantined: Counter[str] = field(default_factory=Counter[str])
    images: int = 0
    images_absent: int = 0
    images_unmatched: int = 0
    first: date | None = None
    last: date | None = None

    def merged(self, counts: ImportCounts, *, readings: int, posts: int) -> None:
        """Count what the lake did with some readings of some posts."""
        self.new += counts.new
        self.changed += counts.changed
        self.unchanged += counts.unchanged
        self.duplicates += readings - posts
        self.left_out += posts - len(counts.days)
        days = [*counts.days.values(), *filter(None, (self.first, self.last))]
        self.first, self.last = min(days, default=None), max(days, default=None)


@dataclass(slots=True)
class ImportSummary:
    """What an import did.

    Attributes:
        channels: by channel.
        unreadable: files, stretches of files and slices that were left out, and why.
        quarantined: records of no channel, by reason.
        images_unmatched: images that belong to no channel of the dump.
    """

    channels: dict[str, ChannelSummary] = field(default_factory=dict[str, ChannelSummary])
    unreadable: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    quarantined: Counter[str] = field(default_factory=Counter[str])
    images_unmatched: int = 0

    @property
    def posts(self) -> int:
        """How many posts are in the lake now that the import spoke of."""
        return sum(one.new + one.changed + one.unchanged for one in self.channels.values())

    @property
    def ok(self) -> bool:
        """Whether posts came in, and none was left out for a reason that may pass."""
        return self.posts > 0 and not any(one.left_out for one in self.channels.values())

    def merged(self, channel: str, counts: ImportCounts, *, readings: int, posts: int) -> None:
        """Count what the lake did with some readings of some posts of a channel."""
        self.channel(channel).merged(counts, readings=readings, posts=posts)
        self.unreadable += [(f"{channel}|{day}", reason) for day, reason in counts.failed.items()]

    def channel(self, name: str) -> ChannelSummary:
        """Return a channel's part, made if it is not there yet."""
        return self.channels.setdefault(name, ChannelSummary())
