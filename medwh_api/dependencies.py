"""What routes ask for by type."""

from typing import Annotated, cast

from fastapi import Depends, Path, Request

from medwh_api.answers import Answers
from medwh_api.database import QueryRunner
from medwh_api.errors import InvalidParameterError
from medwh_api.pictures import Pictures
from medwh_api.schemas.parameters import ChannelName, ProductKey


def _query_runner(request: Request) -> QueryRunner:
    return cast(QueryRunner, request.app.state.query_runner)


def _answers(request: Request) -> Answers:
    return Answers(request, request.app.state.query_runner, request.app.state.built_content)


def _pictures(request: Request) -> Pictures:
    return cast(Pictures, request.app.state.pictures)


def refuse_repeated_parameters(request: Request) -> None:
    """Refuse a parameter that is given twice: which of the two is meant, nobody knows.

    Raises:
        InvalidParameterError: there is one.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if names.count(name) > 1:
            raise InvalidParameterError(name[:50], "Give it once.")


Marts = Annotated[QueryRunner, Depends(_query_runner)]
Answering = Annotated[Answers, Depends(_answers)]
Lake = Annotated[Pictures, Depends(_pictures)]
ChannelInPath = Annotated[
    ChannelName,
    Path(
        description="The channel's username, in any case, with or without @.",
        examples=["demo_selam_pharmacy"],
    ),
]
ProductInPath = Annotated[
    ProductKey,
    Path(description="The product's `product_key`, as in /api/products.", examples=["paracetamol"]),
]
MessageIdInPath = Annotated[
    int,
    Path(ge=1, le=2**63 - 1, description="The post's number in its channel.", examples=[3377]),
]
ImageInPath = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the picture's content, as posts give it.",
    ),
]
