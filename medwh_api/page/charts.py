"""Vega-Lite specifications of what a report says. Colours come from the page's style, in the browser.

A colour is written as `$name`: the page's script puts in what the style calls `--name`, so that a
chart follows the reader's choice of light or dark.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from medwh_api.page.report import CATEGORIES, Record

_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
OTHER_CHANNELS = "other channels"
CATEGORY_NAMES = {
    "promotional": "Person and product",
    "product_display": "Product alone",
    "lifestyle": "Person alone",
    "other": "Neither",
    "no_image": "No picture",
}
_TABLE_BELOW = "The table below holds the numbers."

Spec = dict[str, Any]


def volume_chart(rows: Sequence[Record]) -> Spec:
    """Return posts over time as bars, one channel upon the other.

    Args:
        rows: of `sum_volume.sql`, at least one.
    """
    period = str(rows[0]["period"])
    places = {name_of(row): int(row["place"]) for row in rows}
    names = sorted(places, key=places.__getitem__)
    # Piled up here: Vega-Lite does not pile bars whose both ends in time are given.
    heights: dict[str, int] = {}
    values: list[Record] = []
    for row in rows:
        start = str(row["period_start"])
        low = heights.get(start, 0)
        heights[start] = low + int(row["message_count"])
        values.append(
            {
                "start": start,
                "when": month_name(start) if period == "month" else day_name(start),
                "end": _end(start, period),
                "channel": name_of(row),
                "posts": row["message_count"],
                "low": low,
                "high": heights[start],
            }
        )
    return _spec(
        "Posts over time, by channel.",
        values,
        260,
        mark={"type": "bar", "stroke": "$surface", "strokeWidth": 0.5},
        encoding={
            "x": _time("start"),
            "x2": {"field": "end"},
            "y": {
                "field": "low",
                "type": "quantitative",
                "title": "Posts",
                "axis": {"tickMinStep": 1, "format": ",d"},
            },
            "y2": {"field": "high"},
            "color": {
                "field": "channel",
                "type": "nominal",
                "title": None,
                "scale": {
                    "domain": names,
                    "range": [f"${colour}" for colour in colours_of(names)],
                },
                # The page has one that fits a phone.
                "legend": None,
            },
            "tooltip": [
                {"field": "when", "title": "Week from" if period == "week" else period.title()},
                {"field": "channel", "title": "Channel"},
                {"field": "posts", "title": "Posts"},
            ],
        },
    )


def price_chart(months: Sequence[Record], product_name: str) -> Spec:
    """Return a product's price by month: extremes as a line, quartiles as a bar, medians joined.

    Args:
        months: the earliest first, at least one.
        product_name: what to call it.
    """
    shown = (
        "month_start", "median_price", "lower_quartile_price", "upper_quartile_price",
        "min_price", "max_price", "offer_count", "distinct_offer_count",
    )  # fmt: skip
    values = [
        {name: month[name] for name in shown} | {"when": month_name(month["month_start"])}
        for month in months
    ]
    half = timedelta(days=16)
    span = [
        (date.fromisoformat(months[0]["month_start"]) - half).isoformat(),
        (date.fromisoformat(months[-1]["month_start"]) + half).isoformat(),
    ]
    tooltip = [
        {"field": "when", "title": "Month"},
        *(
            {"field": field, "type": "quantitative", "title": title, "format": ",.2~f"}
            for field, title in (
                ("median_price", "Median, birr"),
                ("lower_quartile_price", "A quarter costs less than"),
                ("upper_quartile_price", "A quarter costs more than"),
                ("min_price", "Lowest"),
                ("max_price", "Highest"),
            )
        ),
        {"field": "distinct_offer_count", "title": "Distinct offers"},
        {"field": "offer_count", "title": "Offers, reposts counted"},
    ]
    price = {
        "type": "quantitative",
        "title": "Birr",
        "scale": {"zero": False, "nice": True},
        "axis": {"tickCount": 5},
    }
    # 120 months fit a phone's width.
    thick = 28 if len(months) <= 6 else 12 if len(months) <= 24 else 4
    ends = {"type": "tick", "color": "$series-1", "size": thick, "thickness": 2, "opacity": 0.6}
    return _spec(
        f"Price of {product_name} by month, in birr: median, quartiles and extremes.",
        values,
        260 if len(months) > 1 else 180,
        encoding={
            "x": {
                "field": "month_start",
                "type": "temporal",
                "title": None,
                "scale": {"type": "utc", "domain": span},
                "axis": {
                    "format": "%b %Y",
                    "grid": False,
                    "labelOverlap": True,
                    "tickCount": {"interval": "month", "step": 1},
                },
            },
            "tooltip": tooltip,
        },
        layer=[
            {
                "mark": {
                    "type": "rule",
                    "color": "$series-1",
                    "strokeWidth": 2,
                    "opacity": 0.6,
                },
                "encoding": {
                    "y": {"field": "min_price", **price},
                    "y2": {"field": "max_price"},
                },
            },
            {"mark": ends, "encoding": {"y": {"field": "min_price", **price}}},
            {"mark": ends, "encoding": {"y": {"field": "max_price", **price}}},
            {
                "mark": {"type": "bar", "size": thick, "color": "$series-1", "opacity": 0.45},
                "encoding": {
                    "y": {"field": "lower_quartile_price", **price},
                    "y2": {"field": "upper_quartile_price"},
                },
            },
            {
                "mark": {
                    "type": "line",
                    "color": "$accent",
                    "point": {"color": "$accent", "filled": True, "size": 45},
                },
                "encoding": {"y": {"field": "median_price", **price}},
            },
        ],
    )


def engagement_chart(
    categories: Sequence[Record], engagement: Sequence[Record], *, is_part: bool
) -> Spec:
    """Return views per kind of picture, in relation to what the channel's posts usually get.

    Args:
        categories: per channel, one dot each.
        engagement: medians of all channels with their intervals, one line each.
        is_part: whether filters choose a part of the posts; the medians are of all of them.
    """
    dots = [
        {
            "kind": CATEGORY_NAMES[row["image_category"]],
            "ratio": row["views_ratio"],
            "channel": row["channel_username"],
            "posts": row["message_count"],
        }
        for row in categories
        if row["views_ratio"] is not None
    ]
    medians = [
        {
            "kind": CATEGORY_NAMES[row["image_category"]],
            "ratio": row["median_ratio"],
            "low": row["ratio_low"],
            "high": row["ratio_high"],
            "posts": row["message_count"],
        }
        for row in engagement
        if row["median_ratio"] is not None and not is_part
    ]
    kinds = [
        CATEGORY_NAMES[kind]
        for kind in (*CATEGORIES, "no_image")
        if any(row["kind"] == CATEGORY_NAMES[kind] for row in (*dots, *medians))
    ]
    kind = {
        "field": "kind",
        "type": "nominal",
        "title": None,
        "sort": kinds,
        "axis": {"domain": False, "ticks": False, "labelLimit": 140},
    }
    shown = [row["ratio"] for row in dots]
    shown += [row[end] for row in medians for end in ("low", "high")]
    ratio = {
        "type": "quantitative",
        # Wide enough that a hundredth does not look like a difference.
        "scale": {"domain": [min(0.5, *shown), max(1.5, *shown)], "nice": True},
        "title": "Times the usual views",
        "axis": {"tickCount": 6, "format": ".2~f"},
    }
    times = ",.2~f"
    layers: list[Spec] = [
        {
            "data": {"values": [{"usual": 1}]},
            "mark": {"type": "rule", "color": "$muted", "strokeDash": [4, 4]},
            "encoding": {"x": {"field": "usual", "type": "quantitative"}},
        },
        {
            "data": {"values": dots},
            "mark": {"type": "point", "filled": True, "size": 70, "color": "$series-1"},
            "encoding": {
                "x": {"field": "ratio", **ratio},
                "y": kind,
                "opacity": {"value": 0.65},
                "tooltip": [
                    {"field": "channel", "title": "Channel"},
                    {"field": "kind", "title": "Pictures"},
                    {"field": "ratio", "title": "Times the usual views", "format": times},
                    {"field": "posts", "title": "Posts"},
                ],
            },
        },
    ]
    if medians:
        tooltip = [
            {"field": "kind", "title": "Pictures"},
            {"field": "ratio", "title": "Median over all channels", "format": times},
            {"field": "low", "title": "95 % interval from", "format": times},
            {"field": "high", "title": "to", "format": times},
            {"field": "posts", "title": "Posts compared"},
        ]
        layers += [
            {
                "data": {"values": medians},
                "mark": {"type": "rule", "color": "$accent", "strokeWidth": 3},
                "encoding": {
                    "x": {"field": "low", **ratio},
                    "x2": {"field": "high"},
                    "y": kind,
                    "tooltip": tooltip,
                },
            },
            {
                "data": {"values": medians},
                "mark": {"type": "tick", "color": "$accent", "thickness": 4, "size": 22},
                "encoding": {"x": {"field": "ratio", **ratio}, "y": kind, "tooltip": tooltip},
            },
        ]
    return _spec(
        "Views of posts by kind of picture, in relation to the channel's usual post.",
        [],
        60 + 44 * len(kinds),
        layer=layers,
    )


def colours_of(names: Sequence[str]) -> list[str]:
    """Return what the style calls the colours of these channels, the largest first."""
    return [
        "grey" if name == OTHER_CHANNELS else f"series-{at}" for at, name in enumerate(names, 1)
    ]


def name_of(row: Mapping[str, Any]) -> str:
    """Return what a row of `sum_volume.sql` calls its channel."""
    return str(row["channel_username"] or OTHER_CHANNELS)


def day_name(value: str | date) -> str:
    """Return a day, or a moment's day, as people write it."""
    day = value if isinstance(value, date) else date.fromisoformat(value[:10])
    return f"{day.day} {day:%b %Y}"


def month_name(value: str | date) -> str:
    """Return a day's month as people write it."""
    return day_name(value).partition(" ")[2]


def _end(start: str, period: str) -> str:
    first = date.fromisoformat(start)
    if period == "month":
        return (first.replace(day=1) + timedelta(days=32)).replace(day=1).isoformat()
    return (first + timedelta(days=7 if period == "week" else 1)).isoformat()


def _time(field: str) -> Spec:
    return {
        "field": field,
        "type": "temporal",
        "title": None,
        "scale": {"type": "utc"},
        "axis": {"format": "%-d %b %Y", "grid": False, "labelOverlap": True, "tickCount": 6},
    }


def _spec(description: str, values: list[Record], height: int, **others: object) -> Spec:
    return {
        "$schema": _SCHEMA,
        "description": f"{description} {_TABLE_BELOW}",
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": values},
        **others,
    }
