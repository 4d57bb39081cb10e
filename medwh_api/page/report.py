"""What the page shows, as the warehouse says it: bounded rows, asked for one query after another.

One after another, because a page that took all connections at once would let everybody else wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from medwh_api import queries
from medwh_api.database import QueryRunner
from medwh_api.errors import QueryTooSlowError, UnknownChannelError, UnknownProductError
from medwh_api.page.filters import PageFilters
from medwh_api.routers.search import containing, found, highlighter

# Most rows of each kind that a page shows or draws.
MAX_CHANNELS = 300
MAX_PRODUCTS = 1000
MAX_POSTS = 20
MAX_RANKED = 15
NAMED_CHANNELS = 7
_MAX_PERIODS = 6000
_MAX_MONTHS = 120
_MAX_CATEGORIES = 1000
_EXAMPLES = 4
CATEGORIES = ("promotional", "product_display", "lifestyle", "other")

Record = dict[str, Any]


@dataclass(frozen=True)
class Posts:
    """Posts that hold a text, and where the next ones begin."""

    rows: list[Record]
    following: str | None


@dataclass(frozen=True)
class Report:
    """Everything that the page shows.

    Attributes:
        channels: by name, each with how fresh it is.
        products: those that some post names, by name.
        volume: posts by period and channel.
        ranked: products by distinct offers.
        product: the one whose prices are shown; None where none has a price.
        months: its prices by month, the earliest first.
        channel_prices: its newest price per channel.
        categories: kinds of pictures per channel; None where there are too many to be compared.
        engagement: kinds of pictures against each other, over everything.
        examples: pictures of each kind, by the hash of their content, with their channel.
        found: posts, where a text is looked for.
    """

    channels: list[Record]
    products: list[Record]
    volume: list[Record]
    ranked: list[Record]
    product: Record | None
    months: list[Record]
    channel_prices: list[Record]
    categories: list[Record] | None
    engagement: list[Record]
    examples: Mapping[str, list[tuple[str, str]]]
    found: Posts | None

    @property
    def is_empty(self) -> bool:
        """Whether the warehouse holds no post at all."""
        return not self.channels


async def read_report(marts: QueryRunner, asked: PageFilters) -> Report:
    """Ask the warehouse for all that a page shows.

    Raises:
        UnknownChannelError: no such channel has a post.
        UnknownProductError: the vocabulary has no such product.
        ApiError: the database does not answer.
    """
    scope = {"channel": asked.channel, "first": asked.first, "last": asked.last}
    if asked.channel and not await marts.fetch(queries.FIND_CHANNEL, {"channel": asked.channel}):
        raise UnknownChannelError
    channels = await _channels(marts)
    ranked = await _rows(
        marts,
        queries.RANK_OFFERED_PRODUCTS,
        **scope,
        is_distinct=True,
        is_part=any(scope.values()),
        after_count=None,
        after_name=None,
        limit=MAX_RANKED,
    )
    product, months, channel_prices = await _prices(marts, asked, ranked)
    categories = await _categories(marts, scope)
    return Report(
        channels=channels,
        products=await _products(marts),
        volume=await _rows(
            marts,
            queries.SUM_VOLUME,
            **scope,
            product=asked.product,
            named=NAMED_CHANNELS,
            limit=_MAX_PERIODS,
        ),
        ranked=ranked,
        product=product,
        months=months,
        channel_prices=channel_prices,
        categories=categories,
        engagement=await _engagement(marts),
        examples=_examples(categories or []),
        found=await _posts(marts, asked) if asked.query else None,
    )


async def read_choices(marts: QueryRunner) -> tuple[list[Record], list[Record]]:
    """Return the channels and products that the form offers.

    Raises:
        ApiError: the database does not answer.
    """
    return await _channels(marts), await _products(marts)


async def _rows(marts: QueryRunner, query: bytes, /, **values: object) -> list[Record]:
    return [orjson.loads(row) for row in await marts.fetch_json(query, values)]


async def _channels(marts: QueryRunner) -> list[Record]:
    place = {"after_channel": None, "limit": MAX_CHANNELS}
    freshness = {
        row["channel_username"]: row for row in await _rows(marts, queries.LIST_FRESHNESS, **place)
    }
    return [
        channel | {"freshness": freshness.get(channel["channel_username"])}
        for channel in await _rows(marts, queries.LIST_CHANNELS, **place)
    ]


async def _products(marts: QueryRunner) -> list[Record]:
    named = await _rows(
        marts,
        queries.LIST_PRODUCTS,
        pattern=None,
        category=None,
        seen=True,
        after_product=None,
        limit=MAX_PRODUCTS,
    )
    return sorted(named, key=lambda product: str(product["product_name"]).casefold())


async def _prices(
    marts: QueryRunner, asked: PageFilters, ranked: list[Record]
) -> tuple[Record | None, list[Record], list[Record]]:
    """Return a product, its prices by month, and its newest price per channel.

    Without a product in the filters it is the most offered one that has a price.
    """
    priced = [row["product_key"] for row in ranked if row["priced_offer_count"]]
    key = asked.product or (priced[0] if priced else None)
    if key is None:
        return None, [], []
    described = await _rows(marts, queries.DESCRIBE_PRODUCT, product=key)
    if not described:
        raise UnknownProductError
    product = described[0]
    by_channel = await _rows(
        marts,
        queries.LIST_PRICES,
        product=key,
        channel=asked.channel,
        first=asked.first,
        last=asked.last,
        after_month=None,
        after_product=None,
        after_channel=None,
        limit=_MAX_CATEGORIES,
    )
    newest: dict[str, Record] = {}
    for row in by_channel:
        newest.setdefault(row["channel_username"], row)
    # Medians of channels do not add up to one of all, which has a mart of its own.
    months = by_channel[::-1] if asked.channel else product["price_history"]
    return product, _within(months, asked)[-_MAX_MONTHS:], list(newest.values())


def _within(months: list[Record], asked: PageFilters) -> list[Record]:
    first = asked.first.replace(day=1).isoformat() if asked.first else "0001-01-01"
    last = asked.last.isoformat() if asked.last else "9999-12-31"
    return [month for month in months if first <= month["month_start"] <= last]


async def _categories(marts: QueryRunner, scope: dict[str, Any]) -> list[Record] | None:
    try:
        return await _rows(
            marts,
            queries.LIST_VISUAL_CONTENT,
            **scope,
            after_channel=None,
            after_category=None,
            limit=_MAX_CATEGORIES,
        )
    except QueryTooSlowError:
        # The only one that reads every post; the rest of the page is worth showing.
        return None


async def _engagement(marts: QueryRunner) -> list[Record]:
    rows = await _rows(
        marts,
        queries.LIST_VISUAL_ENGAGEMENT,
        after_measure=None,
        after_category=None,
        limit=_MAX_CATEGORIES,
    )
    return [row for row in rows if row["measure"] == "views"]


def _examples(categories: list[Record]) -> dict[str, list[tuple[str, str]]]:
    """Return pictures of each kind, those of the most viewed posts first, each once."""
    viewed = sorted(categories, key=lambda row: row["average_views"] or 0, reverse=True)
    examples: dict[str, list[tuple[str, str]]] = {}
    shown: set[str] = set()
    for row in viewed:
        of_kind = examples.setdefault(row["image_category"], [])
        picture = row["example_image_sha256"]
        if picture and picture not in shown and len(of_kind) < _EXAMPLES:
            shown.add(picture)
            of_kind.append((picture, row["channel_username"]))
    return examples


async def _posts(marts: QueryRunner, asked: PageFilters) -> Posts:
    query = asked.query or ""
    listing = found(asked.product)
    rows = await _rows(
        marts,
        listing.query,
        pattern=containing(query),
        channel=asked.channel,
        product=asked.product,
        first=asked.first,
        last=asked.last,
        has_image=None,
        **listing.key.place(asked.after),
        limit=MAX_POSTS + 1,
    )
    finish = highlighter(query)
    shown = [finish(row) for row in rows[:MAX_POSTS]]
    return Posts(shown, listing.key.cursor(shown[-1]) if len(rows) > MAX_POSTS else None)
