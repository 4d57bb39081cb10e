"""Rows of the reports."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

ImageCategory = Literal["promotional", "product_display", "lifestyle", "other"]


class DetectedClass(BaseModel):
    """One class of things seen on pictures."""

    detected_object_class: str = Field(description="The detector's own label.")
    detection_count: int = Field(description="How often it was seen.")
    distinct_detection_count: int = Field(
        description="The same with a picture that was posted again counted once."
    )


class MentionedProduct(BaseModel):
    """One product and how many posts name it."""

    product_key: str = Field(description="The product's name in addresses.")
    product_name: str = Field(description="What to call it.")
    category: str = Field(description="What sort of thing it is.")
    message_count: int = Field(description="Posts that name it, reposts counted.")
    distinct_message_count: int = Field(description="The same with reposts counted once.")
    channel_count: int = Field(description="In how many channels.")


class OfferedProduct(BaseModel):
    """One product and how often it is offered."""

    product_key: str = Field(description="The product's name in addresses.")
    product_name: str = Field(description="What to call it.")
    category: str = Field(description="What sort of thing it is.")
    offer_count: int = Field(description="Offers, reposts counted.")
    distinct_offer_count: int = Field(description="The same with reposts counted once.")
    priced_offer_count: int = Field(description="Offers that state a price, reposts counted.")
    vendor_count: int = Field(description="How many phone numbers offer it.")
    median_price: float | None = Field(
        description="Median price in birr of its distinct offers of all time and all channels, all "
        "strengths and packs together; null without a price."
    )


class VisualContent(BaseModel):
    """One channel's posts with one category of picture."""

    channel_username: str
    image_category: ImageCategory = Field(
        description="promotional: a person and a product; product_display: a product alone; "
        "lifestyle: a person alone; other: neither."
    )
    message_count: int = Field(description="Posts with such a picture.")
    new_message_count: int = Field(
        description="Those of them that say what their channel had not said before."
    )
    share: float = Field(description="Their share of the channel's posts with a picture, 0 to 1.")
    average_views: float | None = Field(
        description="Average views of those whose views are known; null where none are."
    )
    average_forwards: float | None = Field(description="Average forwards, likewise.")
    average_reactions: float | None = Field(description="Average emoji reactions, likewise.")
    views_ratio: float | None = Field(
        description="Their average views in relation to those of all the channel's posts of all time; "
        "1.2 says a fifth more."
    )
    example_image_sha256: str | None = Field(
        description="The picture of the most viewed of them, for /api/images."
    )


class VisualEngagement(BaseModel):
    """One category of pictures and one measure of views, over all channels."""

    image_category: Literal["promotional", "product_display", "lifestyle", "other", "no_image"]
    measure: str = Field(description="views at the last reading, or after a day or a week.")
    channel_count: int = Field(description="How many channels these posts are of.")
    message_count: int = Field(description="How many posts are compared, an album being one.")
    median_ratio: float | None = Field(
        description="Median of a post's views over its channel's median; null below 30 posts."
    )
    ratio_low: float | None = Field(description="Lower end of its 95 % interval.")
    ratio_high: float | None = Field(description="Upper end of its 95 % interval.")
    distinct_message_count: int = Field(description="How many of the posts are no reposts.")
    distinct_median_ratio: float | None = Field(description="The same median without reposts.")
    distinct_ratio_low: float | None = Field(description="Lower end of its 95 % interval.")
    distinct_ratio_high: float | None = Field(description="Upper end of its 95 % interval.")


class Price(BaseModel):
    """What one product cost in one channel in one month, in birr."""

    month_start: date = Field(description="The month, by its first day.")
    product_key: str
    product_name: str
    channel_username: str
    median_price: float = Field(description="Median over all priced offers, reposts counted.")
    lower_quartile_price: float = Field(description="A quarter of the offers cost less.")
    upper_quartile_price: float = Field(description="A quarter of the offers cost more.")
    min_price: float
    max_price: float
    distinct_median_price: float = Field(description="Median over distinct offers.")
    message_count: int = Field(description="Posts with a price of it, reposts counted.")
    offer_count: int = Field(description="Priced offers, reposts counted.")
    distinct_offer_count: int = Field(description="The same with reposts counted once.")
    vendor_count: int = Field(description="How many phone numbers offer it.")


class PriceChange(BaseModel):
    """A step of a product's median price from one month to the next that has a price."""

    month_start: date = Field(description="The later month, by its first day.")
    product_key: str
    product_name: str
    channel_username: str | None = Field(
        description="The channel that was asked for; null where all are taken together."
    )
    median_price: float = Field(description="Median over the month's distinct offers, in birr.")
    previous_month_start: date = Field(description="The month that it is compared with.")
    previous_median_price: float
    price_change: float = Field(description="The difference, in birr.")
    relative_change: float | None = Field(
        description="The difference in relation to the price before: 0.1 is 10 % more."
    )
    offer_count: int = Field(description="Distinct priced offers behind the new price.")
    previous_offer_count: int = Field(description="Distinct priced offers behind the old price.")


class Trend(BaseModel):
    """How much was posted in one period."""

    period_start: date = Field(description="The period's first day.")
    channel_username: str | None = Field(
        description="The channel; null where all are taken together (`per_channel=false`)."
    )
    message_count: int = Field(description="Posts.")
    new_message_count: int = Field(description="Posts that say what their channel had not said.")
    sale_message_count: int = Field(description="Posts that sell something.")
    image_count: int = Field(description="Posts with a readable picture.")
    detection_count: int = Field(description="Things seen on the pictures.")
    total_views: int = Field(description="Views of these posts at their last reading.")
    channel_count: int = Field(description="Channels that posted.")
