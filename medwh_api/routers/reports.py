"""`/api/reports`: what stands out."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from medwh_api import cursors, queries
from medwh_api.answers import Listing
from medwh_api.cursors import Key
from medwh_api.dependencies import Answering
from medwh_api.routers.described import described_list
from medwh_api.schemas.parameters import (
    Days,
    PageParameters,
    PricesParameters,
    TopProductsParameters,
    TrendsParameters,
    VisualContentParameters,
)
from medwh_api.schemas.reports import (
    DetectedClass,
    MentionedProduct,
    OfferedProduct,
    Price,
    PriceChange,
    Trend,
    VisualContent,
    VisualEngagement,
)

router = APIRouter(prefix="/api/reports", tags=["reports"])

_RANKED = {
    "detected_class": (queries.RANK_DETECTED_CLASSES, DetectedClass, "detection_count"),
    "mentions": (queries.RANK_MENTIONED_PRODUCTS, MentionedProduct, "message_count"),
    "offers": (queries.RANK_OFFERED_PRODUCTS, OfferedProduct, "offer_count"),
}
_VISUAL_CONTENT = Listing(
    queries.LIST_VISUAL_CONTENT,
    VisualContent,
    Key(
        {
            "channel_username": ("after_channel", cursors.Text),
            "image_category": ("after_category", cursors.Text),
        }
    ),
    "visual-content",
)
_VISUAL_ENGAGEMENT = Listing(
    queries.LIST_VISUAL_ENGAGEMENT,
    VisualEngagement,
    Key(
        {
            "measure": ("after_measure", cursors.Text),
            "image_category": ("after_category", cursors.Text),
        }
    ),
    "visual-engagement",
)
_PRICES = Listing(
    queries.LIST_PRICES,
    Price,
    Key(
        {
            "month_start": ("after_month", cursors.Day),
            "product_key": ("after_product", cursors.Text),
            "channel_username": ("after_channel", cursors.Text),
        }
    ),
    "prices",
)
_PRICE_CHANGES = Listing(
    queries.LIST_PRICE_CHANGES,
    PriceChange,
    Key(
        {
            "month_start": ("after_month", cursors.Day),
            "product_key": ("after_product", cursors.Text),
        }
    ),
    "price-changes",
)
_TRENDS = Listing(
    queries.SUM_TRENDS,
    Trend,
    Key(
        {
            "period_start": ("after_period", cursors.Day),
            "channel_username": ("after_channel", cursors.Text | None),
        }
    ),
    "trends",
)


@router.get(
    "/top-products",
    summary="Most seen, named or offered products",
    response_description="The most frequent first.",
    **described_list(DetectedClass, MentionedProduct, OfferedProduct),
)
async def get_top_products(
    answers: Answering, parameters: Annotated[TopProductsParameters, Query()]
) -> Response:
    """What the detector saw on pictures (people left out), or what posts name or offer.

    A class is the detector's own label: how good it is depends on the weights. Named and offered
    products are those of the vocabulary.
    """
    query, row, counted = _RANKED[parameters.by]
    is_distinct = parameters.count == "distinct"
    name = "detected_object_class" if parameters.by == "detected_class" else "product_key"
    key = Key(
        {
            f"distinct_{counted}" if is_distinct else counted: ("after_count", cursors.Count),
            name: ("after_name", cursors.Text),
        }
    )
    return await answers.page(
        Listing(query, row, key, f"top-products-by-{parameters.by}"),
        parameters,
        {
            "channel": parameters.channel,
            **_days(parameters),
            "is_distinct": is_distinct,
            "is_part": bool(parameters.channel or parameters.first or parameters.last),
        },
    )


@router.get(
    "/visual-content",
    summary="Picture categories per channel, with engagement",
    response_description="One row per channel and category, by their names.",
    **described_list(VisualContent),
)
async def get_visual_content(
    answers: Answering, parameters: Annotated[VisualContentParameters, Query()]
) -> Response:
    """What kind of picture each channel posts, its share, and how people react to it."""
    return await answers.page(
        _VISUAL_CONTENT, parameters, {"channel": parameters.channel, **_days(parameters)}
    )


@router.get(
    "/visual-engagement",
    summary="Picture categories against each other",
    response_description="One row per measure and category, by their names.",
    **described_list(VisualEngagement),
)
async def get_visual_engagement(
    answers: Answering, parameters: Annotated[PageParameters, Query()]
) -> Response:
    """How posts with such pictures do in relation to the usual post of their channel.

    Medians with 95 % intervals, over all channels. Where two intervals do not overlap, the
    categories differ.
    """
    return await answers.page(_VISUAL_ENGAGEMENT, parameters)


@router.get(
    "/prices",
    summary="Prices by product, channel and month",
    response_description="The newest month first.",
    **described_list(Price),
)
async def get_prices(
    answers: Answering, parameters: Annotated[PricesParameters, Query()]
) -> Response:
    """Medians, quartiles and extremes in birr, and how many offers stand behind them."""
    return await answers.page(_PRICES, parameters, _prices_asked(parameters))


@router.get(
    "/price-changes",
    summary="Steps of median prices",
    response_description="The newest month first.",
    **described_list(PriceChange),
)
async def get_price_changes(
    answers: Answering, parameters: Annotated[PricesParameters, Query()]
) -> Response:
    """Where a product's median price differs from that of the month before that had one.

    Over all channels together, or within the one that is asked for.
    """
    return await answers.page(_PRICE_CHANGES, parameters, _prices_asked(parameters))


@router.get(
    "/trends",
    summary="Posting volume by day, week or month",
    response_description="One row per period with a post, the earliest first.",
    **described_list(Trend),
)
async def get_trends(
    answers: Answering, parameters: Annotated[TrendsParameters, Query()]
) -> Response:
    """How much was posted, over all channels together or for each of them."""
    return await answers.page(
        _TRENDS,
        parameters,
        {
            "by": parameters.by,
            "per_channel": parameters.per_channel,
            "channel": parameters.channel,
            **_days(parameters),
        },
    )


def _days(parameters: Days) -> dict[str, object]:
    return {"first": parameters.first, "last": parameters.last}


def _prices_asked(parameters: PricesParameters) -> dict[str, object]:
    return {
        "product": parameters.product,
        "channel": parameters.channel,
        **_days(parameters),
    }
