"""`/api/freshness` and `/api/quality`: how much the rest can be trusted."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from medwh_api import cursors, queries
from medwh_api.answers import Listing
from medwh_api.cursors import Key
from medwh_api.dependencies import Answering
from medwh_api.routers.described import described_list
from medwh_api.schemas.operations import ChannelFreshness, CheckResult
from medwh_api.schemas.parameters import PageParameters, QualityParameters

router = APIRouter(prefix="/api", tags=["operations"])

_FRESHNESS = Listing(
    queries.LIST_FRESHNESS,
    ChannelFreshness,
    Key({"channel_username": ("after_channel", cursors.Text)}),
    "freshness",
)
_CHECK_RESULTS = Listing(
    queries.LIST_CHECK_RESULTS,
    CheckResult,
    Key(
        {
            "asset": ("after_asset", cursors.Text),
            "check_name": ("after_check", cursors.Text),
        }
    ),
    "quality",
)


@router.get(
    "/freshness",
    summary="How fresh each channel is",
    response_description="Channels by name.",
    **described_list(ChannelFreshness, is_clocked=True),
)
async def get_freshness(
    answers: Answering, parameters: Annotated[PageParameters, Query()]
) -> Response:
    """When each channel was last read, how the last attempt ended, and whether it is late."""
    return await answers.page(_FRESHNESS, parameters, is_clocked=True)


@router.get(
    "/quality",
    summary="What the last checks said",
    response_description="One row per check, by asset and name.",
    **described_list(CheckResult, is_clocked=True),
)
async def get_quality(
    answers: Answering, parameters: Annotated[QualityParameters, Query()]
) -> Response:
    """The last result of each check of the data, with the numbers behind it."""
    return await answers.page(
        _CHECK_RESULTS, parameters, {"passed": parameters.passed}, is_clocked=True
    )
