"""What a client may ask for. Every value is bounded and unknown names are refused."""

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

_CHANNEL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,31}")
# The shortest pattern that a trigram index can serve: anything less reads the whole table.
MIN_SEARCHABLE = 3


def _lower_case_name(spelling: str) -> str:
    name = spelling.removeprefix("@")
    if not _CHANNEL_NAME.fullmatch(name):
        raise PydanticCustomError(
            "no_channel_name",
            "A channel's name is 3 to 32 of a-z, 0-9 and _, beginning with a letter.",
        )
    return name.lower()


def _searchable(text: str) -> str:
    text = text.strip()
    if "\0" in text:
        raise PydanticCustomError("nul_character", "No text holds a NUL character.")
    if sum(character.isalnum() for character in text) < MIN_SEARCHABLE:
        raise PydanticCustomError(
            "too_little_text",
            "At least {least} letters or digits are needed, in any script.",
            {"least": MIN_SEARCHABLE},
        )
    return text


# The pattern of what is accepted stands in the schema; its message would be the pattern itself.
ChannelName = Annotated[
    str,
    AfterValidator(_lower_case_name),
    WithJsonSchema({"type": "string", "pattern": "^@?[A-Za-z][A-Za-z0-9_]{2,31}$"}),
]
SearchText = Annotated[
    str,
    StringConstraints(min_length=MIN_SEARCHABLE, max_length=200),
    AfterValidator(_searchable),
]


class Parameters(BaseModel):
    """Base of all query parameters: an unknown name is an error that lists the known ones."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_names(cls, given: dict[str, Any]) -> dict[str, Any]:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise PydanticCustomError(
                "unknown_parameter",
                "There is no parameter {unknown} here. Known: {known}.",
                {
                    "unknown": ", ".join(f"'{name[:50]}'" for name in unknown[:5]),
                    "known": ", ".join(known) or "none",
                },
            )
        return given


class NoParameters(Parameters):
    """For addresses that take no query parameters."""


class TopProductsParameters(Parameters):
    """Parameters of the top products report."""

    by: Literal["detected_class"] = Field(
        default="detected_class",
        description="What a product is told by: the class seen on its pictures.",
    )
    limit: int = Field(default=10, ge=1, le=100, description="Most rows to return.")


class ActivityParameters(Parameters):
    """Parameters of a channel's activity."""

    first: date | None = Field(
        default=None, alias="from", description="First day (UTC), inclusive."
    )
    last: date | None = Field(default=None, alias="to", description="Last day (UTC), inclusive.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first and self.last and self.first > self.last:
            raise PydanticCustomError("days_crossed", "'from' is later than 'to'.")
        return self


class SearchParameters(Parameters):
    """Parameters of the message search."""

    query: SearchText = Field(
        description="Text that a post must hold, upper and lower case alike, in any script: "
        "at least three letters or digits.",
        examples=["paracetamol", "ፓራሲታሞል"],
    )
    channel: ChannelName | None = Field(default=None, description="Only posts of this channel.")
    limit: int = Field(default=20, ge=1, le=100, description="Most posts to return.")
    after: str | None = Field(
        default=None,
        max_length=200,
        description="Where the last page ended: take it from that answer's `Link` header.",
    )
