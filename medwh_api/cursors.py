"""Where a page ended, as one opaque word: pages are found by key, not by counting rows.

The page after a cursor starts behind the key of the last row, so page 1,000 costs what page 1
costs and rows that come in between move nothing.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    StringConstraints,
    TypeAdapter,
)
from pydantic import StrictInt as _StrictInt
from pydantic_core import PydanticCustomError, ValidationError

from medwh_api.errors import InvalidParameterError

MAX_LENGTH = 400
_REFUSED = "This is no cursor: take it from the `Link` header of the page before."


def _in_the_databases_range(moment: datetime) -> datetime:
    # The first and last days of Python's calendar leave it when their offset is taken away.
    if not 1 < moment.year < 9999:
        raise PydanticCustomError("no_such_time", "no post is so old")
    return moment


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul_character", "no text holds a NUL character")
    return text


Moment = Annotated[AwareDatetime, AfterValidator(_in_the_databases_range)]
Day = date
Text = Annotated[str, StringConstraints(max_length=200), AfterValidator(_without_nul)]
Count = Annotated[_StrictInt, Field(ge=-(2**63), le=2**63 - 1)]


@dataclass(frozen=True)
class Key:
    """What orders the rows of one answer.

    Attributes:
        fields: per field of a row, its parameter in the query and its type.
    """

    fields: Mapping[str, tuple[str, Any]]

    def cursor(self, row: Mapping[str, Any]) -> str:
        """Return the cursor behind a row."""
        place = orjson.dumps([row[field] for field in self.fields])
        return base64.urlsafe_b64encode(place).decode().rstrip("=")

    def place(self, cursor: str | None) -> dict[str, object]:
        """Return the query's parameters for the page behind a cursor; all None for the first.

        Raises:
            InvalidParameterError: no page of such an answer gave this cursor.
        """
        names = [name for name, _ in self.fields.values()]
        if cursor is None:
            return dict[str, object](dict.fromkeys(names))
        values_of: Any = tuple.__class_getitem__(tuple(kind for _, kind in self.fields.values()))
        adapter = TypeAdapter[tuple[object, ...]](values_of)
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            read = base64.b64decode(padded, altchars=b"-_", validate=True)
            values = adapter.validate_json(read)
        except (ValidationError, ValueError, binascii.Error) as error:
            raise InvalidParameterError("after", _REFUSED) from error
        return dict(zip(names, values, strict=True))
