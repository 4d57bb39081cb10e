"""`/api/search`: posts by their text."""

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from medwh_api import queries
from medwh_api.database import Row
from medwh_api.dependencies import Marts
from medwh_api.errors import InvalidParameterError
from medwh_api.schemas.parameters import SearchParameters
from medwh_api.schemas.search import FoundMessage

router = APIRouter(prefix="/search", tags=["search"])


@router.get(
    "/messages",
    response_model=list[FoundMessage],
    summary="Posts that hold a text",
    response_description="Posts, the newest first.",
    responses={
        200: {
            "headers": {
                "Link": {
                    "description": '`<…>; rel="next"` where there are more posts.',
                    "schema": {"type": "string"},
                }
            }
        }
    },
)
async def search_messages(
    marts: Marts, parameters: Annotated[SearchParameters, Query()], response: Response
) -> list[Row]:
    """Posts whose text holds the query, in any script, upper and lower case alike, newest first.

    `%` and `_` are ordinary characters. Where there are more, the `Link` header leads on.
    """
    after_time, after_pk = _read_cursor(parameters.after)
    found = await marts.fetch(
        queries.SEARCH_MESSAGES,
        {
            "pattern": _containing(parameters.query),
            "channel": parameters.channel,
            "after_time": after_time,
            "after_pk": after_pk,
            "limit": parameters.limit + 1,
        },
    )
    page = found[: parameters.limit]
    if len(found) > len(page):
        asked = parameters.model_dump(exclude_none=True) | {"after": _cursor(page[-1])}
        response.headers["Link"] = f'<?{urlencode(asked)}>; rel="next"'
    return page


def _containing(text: str) -> str:
    r"""Return the LIKE pattern for texts that hold this one, its own `%`, `_` and `\` escaped."""
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"


def _cursor(row: Row) -> str:
    place = [row["message_timestamp_utc"].isoformat(), row["message_pk"]]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[datetime | None, str | None]:
    if cursor is None:
        return None, None
    try:
        place: Any = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        time, pk = place
        moment = datetime.fromisoformat(time)
        if moment.tzinfo is None or not isinstance(pk, str) or not pk.isalnum():
            raise ValueError(place)
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise InvalidParameterError(
            "after", "This is no cursor: take it from the `Link` header of the page before."
        ) from error
    return moment, pk
