"""Rows of the reports."""

from typing import Literal

from pydantic import BaseModel, Field

ImageCategory = Literal["promotional", "product_display", "lifestyle", "other"]


class TopProduct(BaseModel):
    """One class of things seen on pictures."""

    detected_object_class: str = Field(description="The detector's own label.", examples=["bottle"])
    detection_count: int = Field(description="How often it was seen.", examples=[128])


class VisualContent(BaseModel):
    """One channel's posts with one category of picture."""

    channel_username: str = Field(examples=["demo_selam_pharmacy"])
    image_category: ImageCategory = Field(
        description="promotional: a person and a product; product_display: a product alone; "
        "lifestyle: a person alone; other: neither."
    )
    message_count: int = Field(description="Posts with such a picture.", examples=[42])
    share: float = Field(
        description="Their share of the channel's posts with a picture, 0 to 1.", examples=[0.35]
    )
    average_views: float | None = Field(
        description="Average views of those whose views are known; null where none are.",
        examples=[812.5],
    )
