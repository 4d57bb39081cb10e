"""What routes ask for by type."""

from typing import Annotated

from fastapi import Depends, Path, Request

from medwh_api.database import QueryRunner
from medwh_api.schemas.parameters import ChannelName


def _query_runner(request: Request) -> QueryRunner:
    return request.app.state.query_runner


Marts = Annotated[QueryRunner, Depends(_query_runner)]
ChannelInPath = Annotated[
    ChannelName,
    Path(
        description="The channel's username, in any case, with or without @.",
        examples=["demo_selam_pharmacy"],
    ),
]
