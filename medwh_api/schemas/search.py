"""Messages found."""

from datetime import datetime

from pydantic import BaseModel, Field

from medwh_api.schemas.reports import ImageCategory


class Highlight(BaseModel):
    """One place of a text that holds what was looked for, in three pieces to set in a row."""

    before: str = Field(description="What stands before it, 40 characters at most.")
    match: str = Field(description="The place itself, as the post writes it.")
    after: str = Field(description="What follows, 40 characters at most.")


class FoundMessage(BaseModel):
    """One post that holds the text."""

    message_pk: str = Field(description="The post's key in the warehouse.")
    channel_username: str
    message_id: int = Field(description="The post's number in its channel.")
    message_timestamp_utc: datetime
    message_text: str = Field(description="The post's text, phone numbers masked.")
    views_count: int
    forwards_count: int
    replies_count: int
    has_counters: bool = Field(description="False where the source told no counters: they read 0.")
    has_image: bool = Field(description="A readable picture is in the lake.")
    image_sha256: str | None = Field(description="The picture, for /api/images.")
    image_category: ImageCategory | None
    is_repost: bool = Field(description="The channel had said the same before.")
    highlights: list[Highlight] = Field(
        description="The first three places that hold the text; plain text, to be escaped in a page."
    )
