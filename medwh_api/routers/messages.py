"""`/api/messages`: one post with all that is known of it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from medwh_api import queries
from medwh_api.dependencies import Answering, ChannelInPath, MessageIdInPath
from medwh_api.errors import UNKNOWN_MESSAGE, UnknownMessageError
from medwh_api.routers.described import described_one
from medwh_api.schemas.messages import MessageDetails
from medwh_api.schemas.parameters import NoParameters

router = APIRouter(prefix="/api/messages", tags=["messages"])


@router.get(
    "/{channel_username}/{message_id}",
    summary="One post",
    response_description="The post with its readings, versions, boxes and offers.",
    **described_one(MessageDetails, UNKNOWN_MESSAGE),
)
async def get_message(
    answers: Answering,
    channel_username: ChannelInPath,
    message_id: MessageIdInPath,
    _parameters: Annotated[NoParameters, Query()],
) -> Response:
    """Its text and what it said before (phone numbers masked), counters, what it shows and offers."""
    return await answers.one(
        queries.DESCRIBE_MESSAGE,
        {"channel": channel_username, "message_id": message_id},
        UnknownMessageError(),
    )
