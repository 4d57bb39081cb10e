"""What a client may ask for. Every value is bounded and unknown names are refused."""

import re
import unicodedata
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

_CHANNEL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,31}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# The shortest pattern that a trigram index can serve: anything less reads the whole table.
MIN_SEARCHABLE = 3
MAX_LIMIT = 1000


def _lower_case_name(spelling: str) -> str:
    name = spelling.removeprefix("@")
    if not _CHANNEL_NAME.fullmatch(name):
        raise PydanticCustomError(
            "no_channel_name",
            "A channel's name is 3 to 32 of a-z, 0-9 and _, beginning with a letter.",
        )
    return name.lower()


def _without_nul(text: str) -> str:
    text = text.strip()
    if "\0" in text:
        raise PydanticCustomError("nul_character", "No text holds a NUL character.")
    return text


def _searchable(text: str) -> str:
    text = _without_nul(text)
    if not has_a_trigram(text):
        raise PydanticCustomError(
            "too_little_text",
            "At least {least} letters or digits in a row are needed, in any script.",
            {"least": MIN_SEARCHABLE},
        )
    return text


def has_a_trigram(text: str) -> bool:
    """Say whether a trigram index helps to find a text: three letters or digits in a row."""
    run = 0
    for character in text:
        kind = unicodedata.category(character)
        run = run + 1 if kind[0] == "L" or kind == "Nd" else 0
        if run == MIN_SEARCHABLE:
            return True
    return False


def _plain_day(value: object) -> object:
    # Else a number would be taken for seconds since 1970.
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise PydanticCustomError("no_day", "A day is written like 2025-03-31.")
    return value


def _plain_bool(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise PydanticCustomError("no_truth_value", "Say true or false.")
        return value == "true"
    return value


def _plain_int(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,19}", value, re.ASCII):
        raise PydanticCustomError("no_whole_number", "A whole number is needed.")
    return value


# The pattern of what is accepted stands in the schema; its message would be the pattern itself.
ChannelName = Annotated[
    str,
    AfterValidator(_lower_case_name),
    WithJsonSchema({"type": "string", "pattern": "^@?[A-Za-z][A-Za-z0-9_]{2,31}$"}),
]
ProductKey = Annotated[
    str, StringConstraints(pattern="^[A-Za-z0-9_]{1,80}$"), AfterValidator(str.lower)
]
SearchText = Annotated[
    str,
    StringConstraints(min_length=MIN_SEARCHABLE, max_length=200),
    AfterValidator(_searchable),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": MIN_SEARCHABLE,
            "maxLength": 200,
            "pattern": f"[\\p{{L}}\\p{{Nd}}]{{{MIN_SEARCHABLE}}}",
        }
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_without_nul)]
Day = Annotated[
    date, BeforeValidator(_plain_day), WithJsonSchema({"type": "string", "format": "date"})
]
Switch = Annotated[bool, BeforeValidator(_plain_bool), WithJsonSchema({"type": "boolean"})]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(_plain_int)]


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


class PageParameters(Parameters):
    """Parameters of every list: its pages and its format."""

    limit: Limit | None = Field(
        default=None,
        description="Most rows to return. Without it JSON has a page of usual size, and CSV all "
        "rows up to 100,000.",
    )
    after: str | None = Field(
        default=None,
        max_length=400,
        description="Where the last page ended: take it from that answer's `Link` header.",
        json_schema_extra={"format": "cursor"},
    )
    format: Literal["json", "csv"] | None = Field(
        default=None, description="Kind of answer; without it the `Accept` header decides."
    )

    @property
    def page_size(self) -> int:
        """Rows of a page of JSON."""
        return self.limit or 100


class Days(Parameters):
    """A range of days."""

    first: Day | None = Field(default=None, alias="from", description="First day (UTC), inclusive.")
    last: Day | None = Field(default=None, alias="to", description="Last day (UTC), inclusive.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first and self.last and self.first > self.last:
            raise PydanticCustomError("days_crossed", "'from' is later than 'to'.")
        return self


class ChannelFilter(Parameters):
    """One channel, or all."""

    channel: ChannelName | None = Field(
        default=None, description="Only this channel: its username, in any case."
    )


class ProductFilter(Parameters):
    """One product, or all."""

    product: ProductKey | None = Field(
        default=None,
        description="Only this product: its `product_key`, as in /api/products.",
        examples=["paracetamol"],
    )


class TopProductsParameters(PageParameters, Days, ChannelFilter):
    """Parameters of the top products report."""

    by: Literal["detected_class", "mentions", "offers"] = Field(
        default="detected_class",
        description="What a product is told by: the class seen on pictures, posts that name it, or "
        "offers of it.",
    )
    count: Literal["posts", "distinct"] = Field(
        default="posts",
        description="What counts for the order: `posts` counts reposts again, `distinct` counts the "
        "same post, offer or picture once. Both numbers are in each row.",
    )

    @property
    def page_size(self) -> int:
        """Rows of a page of JSON."""
        return self.limit or 10


class VisualContentParameters(PageParameters, Days, ChannelFilter):
    """Parameters of the picture categories report."""


class PricesParameters(PageParameters, Days, ChannelFilter, ProductFilter):
    """Parameters of the price reports. Days choose the months that they lie in."""


class TrendsParameters(PageParameters, Days, ChannelFilter):
    """Parameters of the posting volume report."""

    by: Literal["day", "week", "month"] = Field(
        default="day", description="Length of a period. Weeks begin on Monday."
    )
    per_channel: Switch = Field(
        default=False, description="One row per period and channel instead of one per period."
    )


class ProductsParameters(PageParameters):
    """Parameters of the list of products."""

    query: Name | None = Field(
        default=None,
        description="Text that the product's name or one of its other names holds, in any script.",
        examples=["para"],
    )
    category: Name | None = Field(
        default=None, description="Only this category.", examples=["medicine"]
    )
    seen: Switch | None = Field(
        default=None,
        description="`true`: only products that a post names; `false`: only those that none does.",
    )


class ActivityParameters(PageParameters, Days):
    """Parameters of a channel's activity."""

    @property
    def page_size(self) -> int:
        """Rows of a page of JSON: a year and more."""
        return self.limit or 400


class SearchParameters(PageParameters, Days, ChannelFilter, ProductFilter):
    """Parameters of the message search."""

    query: SearchText = Field(
        description="Text that a post must hold, upper and lower case alike, in any script: "
        "at least three letters or digits in a row.",
        examples=["paracetamol", "ፓራሲታሞል"],
    )
    has_image: Switch | None = Field(
        default=None, description="Only posts with a readable picture, or only those without."
    )

    @property
    def page_size(self) -> int:
        """Rows of a page of JSON."""
        return self.limit or 20


class RedirectedSearchParameters(Parameters):
    """Parameters of the short way to the search."""

    q: SearchText = Field(description="Text that a post must hold.", examples=["paracetamol"])


class ImageParameters(Parameters):
    """Parameters of a picture."""

    annotated: Switch = Field(
        default=False,
        description="Draw the boxes of what the detector saw; a JPEG of at most 1,280 pixels a side.",
    )


class QualityParameters(PageParameters):
    """Parameters of the check results."""

    passed: Switch | None = Field(default=None, description="Only checks that passed, or failed.")
