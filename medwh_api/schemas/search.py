"""Messages found."""

from datetime import datetime

from pydantic import BaseModel, Field

from medwh_api.schemas.reports import ImageCategory


class FoundMessage(BaseModel):
    """One post that holds the text."""

    channel_username: str = Field(examples=["demo_selam_pharmacy"])
    message_id: int = Field(description="The post's number in its channel.", examples=[1042])
    message_timestamp_utc: datetime = Field(examples=["2025-03-12T08:15:00Z"])
    message_text: str = Field(
        description="The post's text, phone numbers masked.",
        examples=["Paracetamol 500mg, 120 birr"],
    )
    views_count: int = Field(examples=[831])
    forwards_count: int = Field(examples=[4])
    replies_count: int = Field(examples=[0])
    has_counters: bool = Field(description="False where the source told no counters: they read 0.")
    has_image: bool = Field(description="A readable picture is in the lake.")
    image_category: ImageCategory | None
