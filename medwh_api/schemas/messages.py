"""One message with all that is known of it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from medwh_api.schemas.products import OfferLine
from medwh_api.schemas.reports import ImageCategory


class Observation(BaseModel):
    """One reading of a post."""

    observed_at: datetime = Field(description="The reading's logical time.")
    age_hours: float = Field(description="The post's age then, in hours.")
    is_present: bool = Field(description="Whether the post still stood there.")
    views_count: int | None = Field(description="Views then; null where the source had none.")
    forwards_count: int | None
    replies_count: int | None
    reactions_count: int | None
    views_change: int | None = Field(description="Views more than at the reading before.")


class Version(BaseModel):
    """One content of a post that was edited, or that sources told differently."""

    version_number: int = Field(description="1 for the oldest.")
    is_current: bool = Field(description="Whether it is the newest that is known.")
    message_text: str | None = Field(description="Phone numbers masked; null where it had none.")
    media_type: str | None
    edit_date: datetime | None = Field(description="When it was edited into this.")
    first_observed_at: datetime | None = Field(description="The first reading that found it.")
    last_observed_at: datetime | None = Field(description="The last reading that found it.")


class Box(BaseModel):
    """One thing that the detector saw on the post's picture. Measures are pixels."""

    box_number: int = Field(description="1 for the most confident.")
    detected_object_class: str = Field(description="The detector's own label.")
    warehouse_class: str = Field(description="What it counts as.")
    object_role: Literal["person", "product", "other"]
    confidence_score: float = Field(description="0 to 1.")
    box_top_left_x: float
    box_top_left_y: float
    box_width: float
    box_height: float
    image_width: int
    image_height: int


class MessageOffer(OfferLine):
    """One offer that the post makes."""

    product_key: str | None = Field(description="The product; null where the vocabulary misses it.")


class MessageDetails(BaseModel):
    """One post: its text, counters, readings, versions, what it shows and what it offers."""

    message_pk: str = Field(description="The post's key in the warehouse.")
    channel_username: str
    message_id: int
    message_timestamp_utc: datetime
    message_text: str | None = Field(description="Phone numbers masked; null where it has none.")
    language: Literal["am", "en", "mixed", "none"]
    post_kind: Literal["sale", "education", "training", "vacancy", "other"]
    media_type: str | None
    views_count: int
    forwards_count: int
    replies_count: int
    reactions_count: int
    views_24h: int | None = Field(description="Views 24 hours after publication.")
    views_7d: int | None = Field(description="Views seven days after publication.")
    has_counters: bool = Field(description="False where the source told no counters: they read 0.")
    has_media: bool
    has_image: bool = Field(description="A readable picture is in the lake.")
    image_sha256: str | None = Field(description="The picture, for /api/images.")
    image_category: ImageCategory | None
    is_forward: bool
    forwarded_from_channel: str | None
    forwarded_from_message_id: int | None
    reply_to_message_id: int | None
    grouped_id: int | None = Field(description="The album that it is part of.")
    is_repost: bool = Field(description="The channel had said the same before.")
    repost_of_message_id: int | None = Field(description="The post that said it first.")
    edit_date: datetime | None = Field(description="When it was last edited.")
    missing_since: datetime | None = Field(description="Since when it is gone from Telegram.")
    observations: list[Observation] = Field(description="Its last 1,000 readings, oldest first.")
    versions: list[Version] = Field(
        description="Its last 1,000 contents, oldest first; empty where only one is known."
    )
    detections: list[Box] = Field(description="What the detector saw on its picture.")
    offers: list[MessageOffer] = Field(description="What it offers, line by line.")
