"""`/api/channels`: who posts, and how much."""

from typing import Annotated

from fastapi import APIRouter, Query

from medwh_api import queries
from medwh_api.database import Row
from medwh_api.dependencies import ChannelInPath, Marts
from medwh_api.errors import UNKNOWN_CHANNEL, UnknownChannelError, documented
from medwh_api.schemas.channels import Channel, ChannelActivity
from medwh_api.schemas.parameters import ActivityParameters, NoParameters

router = APIRouter(prefix="/channels", tags=["channels"])


@router.get(
    "",
    response_model=list[Channel],
    summary="All channels",
    response_description="Channels by name.",
)
async def list_channels(marts: Marts, _parameters: Annotated[NoParameters, Query()]) -> list[Row]:
    """Every channel that has a post in the warehouse."""
    return await marts.fetch(queries.LIST_CHANNELS)


@router.get(
    "/{channel_username}/activity",
    response_model=list[ChannelActivity],
    summary="A channel's activity by day",
    response_description="One row per day with a post, the earliest first.",
    responses=documented(UNKNOWN_CHANNEL),
)
async def get_channel_activity(
    marts: Marts,
    channel_username: ChannelInPath,
    parameters: Annotated[ActivityParameters, Query()],
) -> list[Row]:
    """Posts, things seen on their pictures, views, forwards and replies of each day (UTC)."""
    days = await marts.fetch(
        queries.SUM_CHANNEL_ACTIVITY,
        {"channel": channel_username, "first": parameters.first, "last": parameters.last},
    )
    if not days and not await marts.fetch(queries.FIND_CHANNEL, {"channel": channel_username}):
        raise UnknownChannelError
    return days
