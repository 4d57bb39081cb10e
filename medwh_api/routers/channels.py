"""`/api/channels`: who posts, and how much."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from medwh_api import cursors, queries
from medwh_api.answers import Listing
from medwh_api.cursors import Key
from medwh_api.dependencies import Answering, ChannelInPath
from medwh_api.errors import UNKNOWN_CHANNEL, UnknownChannelError
from medwh_api.routers.described import described_list, described_one
from medwh_api.schemas.channels import Channel, ChannelActivity, ChannelDetails
from medwh_api.schemas.parameters import ActivityParameters, NoParameters, PageParameters

router = APIRouter(prefix="/api/channels", tags=["channels"])

_CHANNELS = Listing(
    queries.LIST_CHANNELS,
    Channel,
    Key({"channel_username": ("after_channel", cursors.Text)}),
    "channels",
)
_ACTIVITY = Listing(
    queries.LIST_CHANNEL_ACTIVITY,
    ChannelActivity,
    Key({"activity_date": ("after_day", cursors.Day)}),
    "channel-activity",
)


@router.get(
    "",
    summary="All channels",
    response_description="Channels by name.",
    **described_list(Channel),
)
async def list_channels(
    answers: Answering, parameters: Annotated[PageParameters, Query()]
) -> Response:
    """Every channel that has a post in the warehouse."""
    return await answers.page(_CHANNELS, parameters)


@router.get(
    "/{channel_username}",
    summary="One channel",
    response_description="All that is known of it.",
    **described_one(ChannelDetails, UNKNOWN_CHANNEL),
)
async def get_channel(
    answers: Answering,
    channel_username: ChannelInPath,
    _parameters: Annotated[NoParameters, Query()],
) -> Response:
    """Names, description, kinds of posts and averages. How fresh it is stands in /api/freshness."""
    return await answers.one(
        queries.DESCRIBE_CHANNEL, {"channel": channel_username}, UnknownChannelError()
    )


@router.get(
    "/{channel_username}/activity",
    summary="A channel's activity by day",
    response_description="One row per day with a post, the earliest first.",
    **described_list(ChannelActivity, failures=(UNKNOWN_CHANNEL,)),
)
async def get_channel_activity(
    answers: Answering,
    channel_username: ChannelInPath,
    parameters: Annotated[ActivityParameters, Query()],
) -> Response:
    """Posts, things seen on their pictures, views, forwards and replies of each day (UTC)."""
    asked = {"channel": channel_username, "first": parameters.first, "last": parameters.last}
    return await answers.page(
        _ACTIVITY,
        parameters,
        asked,
        unless_empty=(queries.FIND_CHANNEL, UnknownChannelError()),
    )
