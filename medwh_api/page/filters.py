"""What the page's form asks for, as it stands in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from pydantic import Field, ValidationError

from medwh_api import cursors
from medwh_api.schemas.parameters import ChannelFilter, Days, ProductFilter, SearchText

_LONGEST_ECHO = 200
# What is wrong in words for people, where the schema's own are for programs.
_WRONG = {
    "channel": "This is no channel's name. Choose one from the list.",
    "product": "This is no product's name. Choose one from the list.",
    "from": "There is no such day. A day is written like 2025-03-31.",
    "to": "There is no such day. A day is written like 2025-03-31.",
    "query": "Write at least three letters or digits in a row, in any script, and 200 at most.",
    "after": "This page of posts is not there any more. Search again.",
}

_CROSSED = "The first day is later than the last."


class PageFilters(Days, ChannelFilter, ProductFilter):
    """Which part of the warehouse the page shows."""

    query: SearchText | None = Field(default=None, description="Text that found posts hold.")
    after: str | None = Field(
        default=None, max_length=cursors.MAX_LENGTH, description="Where the last posts ended."
    )

    def address(self, **others: object) -> str:
        """Return the page's address with these filters, some of them changed or left out (None)."""
        values = self.model_dump(mode="json", by_alias=True, exclude_none=True) | others
        # Another filter finds other posts, from the newest on.
        if "after" not in others:
            values.pop("after", None)
        named = [(name, value) for name, value in values.items() if value is not None]
        return f"./?{urlencode(named)}" if named else "./"


@dataclass(frozen=True)
class Refused:
    """Filters that cannot be had.

    Attributes:
        typed: what was asked for, by its field, to be shown again.
        wrong: what is wrong with it, by its field; under no name where it is none of the fields.
    """

    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])


def read_filters(given: Sequence[tuple[str, str]]) -> PageFilters | Refused:
    """Return the filters of an address; an empty field is none."""
    values = {name: value for name, value in given if value.strip()}
    names = [name for name, _ in given]
    typed = {name: values[name][:_LONGEST_ECHO] for name in _WRONG if name in values}
    if repeated := [name for name in _WRONG if names.count(name) > 1]:
        return Refused(typed, dict.fromkeys(repeated, "This stands in the address twice."))
    try:
        return PageFilters.model_validate(values)
    except ValidationError as error:
        wrong: dict[str, str] = {}
        for found in error.errors(include_url=False, include_input=False):
            # A location is ("from",), or () where the whole of them is wrong.
            name = str(found["loc"][0]) if found["loc"] else ""
            wrong[name] = _WRONG.get(
                name, _CROSSED if found["type"] == "days_crossed" else found["msg"]
            )
        return Refused(typed, wrong)
