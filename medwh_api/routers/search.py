"""`/api/search`: posts by their text."""

import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from medwh_api import cursors, queries
from medwh_api.answers import Listing
from medwh_api.cursors import Key
from medwh_api.dependencies import Answering
from medwh_api.errors import INVALID_PARAMETER, documented
from medwh_api.routers.described import described_list
from medwh_api.schemas.parameters import RedirectedSearchParameters, SearchParameters
from medwh_api.schemas.search import FoundMessage

router = APIRouter(prefix="/api/search", tags=["search"])

_CONTEXT = 40
_MOST_HIGHLIGHTS = 3
_NEWEST_FIRST = Key(
    {
        "message_timestamp_utc": ("after_time", cursors.Moment),
        "message_pk": ("after_message", cursors.Text),
    }
)
_FOUND = Listing(queries.SEARCH_MESSAGES, FoundMessage, _NEWEST_FIRST, "messages")
_FOUND_OF_PRODUCT = Listing(
    queries.SEARCH_MESSAGES_OF_PRODUCT, FoundMessage, _NEWEST_FIRST, "messages"
)


@router.get(
    "",
    status_code=307,
    response_class=RedirectResponse,
    summary="Short way to the search",
    response_description="The search's address.",
    responses=documented(INVALID_PARAMETER),
)
async def redirect_search(
    parameters: Annotated[RedirectedSearchParameters, Query()],
) -> RedirectResponse:
    """`?q=` leads to `/api/search/messages?query=`."""
    return RedirectResponse(f"search/messages?{urlencode({'query': parameters.q})}")


@router.get(
    "/messages",
    summary="Posts that hold a text",
    response_description="Posts, the newest first.",
    **described_list(FoundMessage),
)
async def search_messages(
    answers: Answering, parameters: Annotated[SearchParameters, Query()]
) -> Response:
    """Posts whose text holds the query, in any script, upper and lower case alike, newest first.

    `%` and `_` are ordinary characters.
    """
    return await answers.page(
        found(parameters.product),
        parameters,
        {
            "pattern": containing(parameters.query),
            "channel": parameters.channel,
            "product": parameters.product,
            "first": parameters.first,
            "last": parameters.last,
            "has_image": parameters.has_image,
        },
        finish=highlighter(parameters.query),
    )


def found(product: str | None) -> Listing:
    """Return what lists posts with a text, those alone that name a product if there is one."""
    return _FOUND_OF_PRODUCT if product else _FOUND


def containing(text: str) -> str:
    r"""Return the LIKE pattern for texts that hold this one, its own `%`, `_` and `\` escaped."""
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"


def highlighter(query: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what adds to a post the places of its text that hold the query."""
    looked_for = re.compile(re.escape(query), re.IGNORECASE)

    def finish(row: dict[str, Any]) -> dict[str, Any]:
        text: str = row["message_text"]
        found = list(zip(range(_MOST_HIGHLIGHTS), looked_for.finditer(text), strict=False))
        row["highlights"] = [
            {
                "before": text[max(place.start() - _CONTEXT, 0) : place.start()],
                "match": place.group(),
                "after": text[place.end() : place.end() + _CONTEXT],
            }
            for _, place in found
        ]
        return row

    return finish
