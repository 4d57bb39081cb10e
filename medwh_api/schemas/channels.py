"""Channels and what happened on them."""

from datetime import date, datetime

from pydantic import BaseModel, Field


class Channel(BaseModel):
    """One channel that has a post in the warehouse."""

    channel_username: str = Field(
        description="The channel's name in every address: lower case.",
        examples=["demo_selam_pharmacy"],
    )
    channel_spelling: str = Field(
        description="As the channel writes it.", examples=["Demo_Selam_Pharmacy"]
    )
    channel_title: str | None = Field(examples=["Selam Pharmacy"])
    message_count: int = Field(description="Posts in the warehouse.", examples=[160])
    image_count: int = Field(description="Posts with a readable picture.", examples=[31])
    average_views: float | None = Field(
        description="Average views of the posts whose views are known.", examples=[640.2]
    )
    first_post_at: datetime = Field(description="UTC.", examples=["2025-03-01T07:12:00Z"])
    last_post_at: datetime = Field(description="UTC.", examples=["2025-03-30T16:40:00Z"])


class ChannelActivity(BaseModel):
    """One channel's day. A day without a post has no row: it may never have been read."""

    activity_date: date = Field(description="The posts' own day (UTC).", examples=["2025-03-12"])
    message_count: int = Field(description="Posts.", examples=[6])
    detection_count: int = Field(description="Things seen on their pictures.", examples=[9])
    total_views: int = Field(
        description="Sum of views; a post without counters adds 0.", examples=[5210]
    )
    total_forwards: int = Field(examples=[17])
    total_replies: int = Field(examples=[3])
    messages_with_media: int = Field(
        description="Posts with a picture, document or other media.", examples=[4]
    )
