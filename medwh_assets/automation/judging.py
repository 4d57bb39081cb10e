"""How checks are decided: pure functions on counts."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from medwh_assets.verdicts import ChannelFreshness, Detail, UnequalSlice, Verdict

# So many slices are named; the rest is counted.
MOST_NAMED: Final = 10
# More than this share of what came in as posts and pictures is put away: something has changed upstream.
QUARANTINE_SHARE: Final = 0.05


def counts_agree(unequal: Sequence[UnequalSlice], waiting: int, what: str) -> Verdict:
    """Judge slices whose counts differ.

    Args:
        unequal: some of them.
        waiting: how many slices are not loaded yet, which is no fault.
        what: the places that were compared, in words.
    """
    total = unequal[0].slices if unequal else 0
    details: dict[str, Detail] = {"unequal_slices": total, "slices_waiting": waiting}
    if not unequal:
        said = f"{what} hold the same posts of every slice"
        return Verdict(
            True, said + (f"; {waiting} slices wait" if waiting else ""), details=details
        )
    named = ", ".join(f"{one.channel}|{one.date}" for one in unequal[:MOST_NAMED])
    more = f" and {total - MOST_NAMED} more" if total > MOST_NAMED else ""
    return Verdict(
        False,
        f"{what} differ in {named}{more}",
        details=details,
        table=[
            {"slice": f"{one.channel}|{one.date}", **one.counts} for one in unequal[:MOST_NAMED]
        ],
    )


def no_orphans(
    orphans: Sequence[tuple[str, date, int]], files: Sequence[tuple[str, int]], listed: int
) -> Verdict:
    """Judge pictures whose post is not there.

    Args:
        orphans: channel, day and number of those that were looked at.
        files: channel and message of those that lie in the lake.
        listed: how many files of pictures were gone through.
    """
    pictures = sum(count for _, _, count in orphans)
    details: dict[str, Detail] = {
        "pictures": pictures,
        "slices": len(orphans),
        "files": len(files),
        "files_listed": listed,
    }
    told: list[str] = []
    if orphans:
        first = ", ".join(f"{channel}|{day}" for channel, day, _ in orphans[:MOST_NAMED])
        told.append(f"{pictures} pictures of {len(orphans)} slices have no post in raw: {first}")
    if files:
        first = ", ".join(f"images/{channel}/{number}" for channel, number in files[:MOST_NAMED])
        told.append(f"{len(files)} pictures lie in the lake without a post: {first}")
    said = "; ".join(told) or "every picture has its post"
    return Verdict(not told, said, "WARN", details)


def quarantine_is_small(quarantined: Mapping[str, int], posts: int) -> Verdict:
    """Judge how much was put into the quarantine.

    Args:
        quarantined: entries by kind.
        posts: how many posts there are.
    """
    entries = sum(quarantined.values())
    share = entries / (entries + posts) if entries else 0.0
    details: dict[str, Detail] = {"entries": entries, "posts": posts, "share": round(share, 5)}
    return Verdict(
        share <= QUARANTINE_SHARE,
        f"{entries} entries in the quarantine beside {posts} posts ({share:.2%}): `medwh report` "
        "lists them",
        "WARN",
        {**details, **{f"of {kind}": count for kind, count in sorted(quarantined.items())}},
    )


def no_drift(unknown: Mapping[str, int]) -> Verdict:
    """Judge what the newest records hold besides what is known."""
    if not unknown:
        return Verdict(True, "the newest records have the shape that the models read")
    names = ", ".join(sorted(unknown)[:MOST_NAMED])
    return Verdict(
        False,
        f"the newest records hold what the models do not know: {names}. Another version of medwh "
        "wrote them: update this one, or remove them",
        details={name: unknown[name] for name in sorted(unknown)[:MOST_NAMED]},
    )


def channels_are_fresh(channels: Sequence[ChannelFreshness]) -> Verdict:
    """Judge the age of every channel that is to be read live, each by its own deadline."""
    live = [one for one in channels if one.is_live]
    late = [one for one in live if one.status == "late"]
    overdue = [one for one in live if one.status == "overdue"]
    details: dict[str, Detail] = {
        "live": len(live),
        "late": len(late),
        "overdue": len(overdue),
        "archived": len(channels) - len(live),
    }
    table: list[Mapping[str, Detail | None]] = [
        {
            "channel": one.channel,
            "status": one.status,
            "age_hours": None if one.age_hours is None else round(one.age_hours, 1),
            "warn_after_hours": one.warn_after_hours,
            "fail_after_hours": one.fail_after_hours,
            "last_attempt": one.last_attempt_status,
            "newest_post": None
            if one.newest_message_date is None
            else str(one.newest_message_date),
        }
        for one in channels
    ]
    if not late and not overdue:
        said = f"{len(live)} live channels were read in time" if live else "no channel is read live"
        return Verdict(True, said, "WARN", details, table)
    told = [_told("overdue", overdue), _told("late", late)]
    return Verdict(
        False, "; ".join(filter(None, told)), "ERROR" if overdue else "WARN", details, table
    )


def _told(word: str, channels: Sequence[ChannelFreshness]) -> str:
    if not channels:
        return ""
    named = [
        f"{one.channel} ({one.age_hours or 0:.0f} h, last attempt: "
        f"{one.last_attempt_status or 'none'})"
        for one in channels[:MOST_NAMED]
    ]
    more = f" and {len(channels) - MOST_NAMED} more" if len(channels) > MOST_NAMED else ""
    return f"{word}: {', '.join(named)}{more}"
