"""A report as HTML. Templates escape whatever they are given; nothing here marks a text as safe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from medwh_api.errors import ProblemKind
from medwh_api.page.charts import (
    CATEGORY_NAMES,
    Spec,
    colours_of,
    day_name,
    engagement_chart,
    month_name,
    name_of,
    price_chart,
    volume_chart,
)
from medwh_api.page.filters import PageFilters, Refused
from medwh_api.page.report import CATEGORIES, MAX_CHANNELS, Record, Report

Thumbnail = Callable[[str], str | None]

_FRESHNESS = {
    "fresh": "up to date",
    "late": "late",
    "overdue": "overdue",
    "archived": "imported",
}

_FIELD_NAMES = {
    "query": "Search",
    "channel": "Channel",
    "product": "Product",
    "from": "First day",
    "to": "Last day",
}


@dataclass(frozen=True)
class Choices:
    """What the form offers."""

    channels: Sequence[Record] = ()
    products: Sequence[Record] = ()


@dataclass(frozen=True)
class Frame:
    """What stands around the content: how the page finds its style and scripts.

    Attributes:
        style: the style's address, or the style itself in an exported page.
        scripts: the scripts' addresses, or the scripts themselves.
        is_export: whether everything is in the page and no server stands behind it.
        policy: the policy that an exported page bears itself.
        made_at: when an exported page was made.
    """

    style: str
    scripts: Sequence[str]
    is_export: bool = False
    policy: str = ""
    made_at: str = ""


@dataclass(frozen=True)
class Volume:
    """Posts by period, as a table: a row per period, a column per channel."""

    period: str
    names: list[str]
    colours: list[str]
    rows: list[tuple[str, list[int], int]]
    totals: Mapping[str, int | None] = field(default_factory=dict[str, int | None])


def render_page(
    frame: Frame, asked: PageFilters, report: Report, thumbnail: Thumbnail = lambda _: None
) -> str:
    """Return the page of a report."""
    charts = _charts(asked, report)
    return _TEMPLATES.get_template("page.html").render(
        frame=frame,
        asked=asked,
        refused=Refused(),
        typed=_in_fields(asked.model_dump(mode="json", by_alias=True, exclude_none=True)),
        choices=Choices(report.channels, report.products),
        report=report,
        volume=_volume(report.volume),
        kinds=_kinds(asked, report, thumbnail),
        charts=charts,
        scope=_scope(asked),
        most_channels=MAX_CHANNELS,
    )


def render_refused(frame: Frame, refused: Refused, choices: Choices) -> str:
    """Return the page's form alone, with what was typed and what is wrong with it."""
    return _TEMPLATES.get_template("refused.html").render(
        frame=frame, refused=refused, typed=_in_fields(refused.typed), choices=choices
    )


def render_failure(frame: Frame, kind: ProblemKind) -> str:
    """Return a page that says what went wrong."""
    return _TEMPLATES.get_template("failure.html").render(frame=frame, kind=kind)


def _in_fields(values: Mapping[str, str]) -> dict[str, str]:
    return {name: values.get(name, "") for name in _FIELD_NAMES}


def _scope(asked: PageFilters) -> str:
    where = asked.channel or "All channels"
    if asked.first and asked.last:
        return f"{where}, {day_name(asked.first)} to {day_name(asked.last)}"
    if asked.first:
        return f"{where}, since {day_name(asked.first)}"
    return f"{where}, until {day_name(asked.last)}" if asked.last else f"{where}, all days"


def _charts(asked: PageFilters, report: Report) -> dict[str, Spec]:
    charts: dict[str, Spec] = {}
    if report.volume:
        charts["chart-volume"] = volume_chart(report.volume)
    if report.months and report.product:
        charts["chart-prices"] = price_chart(report.months, report.product["product_name"])
    categories = report.categories or []
    if any(row["views_ratio"] is not None for row in categories):
        charts["chart-pictures"] = engagement_chart(
            categories, report.engagement, is_part=_is_part(asked)
        )
    return charts


def _volume(rows: Sequence[Record]) -> Volume | None:
    if not rows:
        return None
    places = {name_of(row): int(row["place"]) for row in rows}
    names = sorted(places, key=places.__getitem__)
    periods: dict[str, dict[str, int]] = {}
    for row in rows:
        periods.setdefault(row["period_start"], {})[name_of(row)] = row["message_count"]
    return Volume(
        rows[0]["period"],
        names,
        colours_of(names),
        [
            (start, [of.get(name, 0) for name in names], sum(of.values()))
            for start, of in periods.items()
        ],
        {
            "posts": _total(rows, "message_count"),
            "new": _total(rows, "new_message_count"),
            "images": _total(rows, "image_count"),
            "channels": rows[0]["channel_count"],
        },
    )


def _total(rows: Sequence[Record], name: str) -> int | None:
    known = [int(row[name]) for row in rows if row[name] is not None]
    return sum(known) if known else None


def _is_part(asked: PageFilters) -> bool:
    """Say whether filters leave out pictures."""
    return bool(asked.channel or asked.first or asked.last)


def _kinds(asked: PageFilters, report: Report, thumbnail: Thumbnail) -> list[dict[str, Any]]:
    """Return each kind of picture with how many posts, how they do, and examples."""
    categories = report.categories or []
    ratios: dict[str, float | None] = {}
    if asked.channel:
        ratios = {row["image_category"]: row["views_ratio"] for row in categories}
    elif not _is_part(asked):
        # Medians are of all channels and days.
        ratios = {row["image_category"]: row["median_ratio"] for row in report.engagement}
    kinds: list[dict[str, Any]] = []
    for kind in CATEGORIES:
        rows = [row for row in categories if row["image_category"] == kind]
        if rows:
            pictures = [(thumbnail(sha), of) for sha, of in report.examples.get(kind, [])]
            kinds.append(
                {
                    "name": CATEGORY_NAMES[kind],
                    "posts": sum(row["message_count"] for row in rows),
                    "ratio": ratios.get(kind),
                    "pictures": [(source, of) for source, of in pictures if source],
                }
            )
    return kinds


def _moment(value: str) -> str:
    moment = datetime.fromisoformat(value).astimezone(UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _birr(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("medwh_api.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "day": day_name,
        "month": month_name,
        "moment": _moment,
        "number": _number,
        "birr": _birr,
        "times": _times,
    }
    known = cast(dict[str, Any], environment.globals)
    known |= {
        "category_names": CATEGORY_NAMES,
        "field_names": _FIELD_NAMES,
        "freshness_names": _FRESHNESS,
    }
    return environment


_TEMPLATES = _environment()
