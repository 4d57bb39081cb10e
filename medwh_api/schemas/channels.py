"""Channels and what happened on them."""

from datetime import date, datetime

from pydantic import BaseModel, Field


class Channel(BaseModel):
    """One channel that has a post in the warehouse."""

    channel_username: str = Field(description="The channel's name in every address: lower case.")
    channel_spelling: str = Field(description="As the channel writes it.")
    channel_title: str | None = Field(description="Its title; null where no source said it.")
    message_count: int = Field(description="Posts in the warehouse.")
    distinct_message_count: int = Field(description="The same with reposts counted once.")
    image_count: int = Field(description="Posts with a readable picture.")
    subscribers_count: int | None = Field(description="Subscribers at the last read that told.")
    average_views: float | None = Field(
        description="Average views of the posts whose views are known."
    )
    first_post_at: datetime = Field(description="UTC.")
    last_post_at: datetime = Field(description="UTC.")


class ChannelDetails(Channel):
    """All that is known of one channel."""

    channel_about: str | None = Field(
        description="What it says of itself, phone numbers masked; null where nothing."
    )
    channel_aliases: str | None = Field(description="Every spelling of its usernames.")
    channel_id: int | None = Field(description="Telegram's id; null where no source said it.")
    sale_message_count: int = Field(description="Posts that sell something.")
    education_message_count: int = Field(description="Posts with advice.")
    training_message_count: int = Field(description="Courses and events.")
    vacancy_message_count: int = Field(description="Vacancies.")
    other_message_count: int = Field(description="Posts of no such kind.")
    active_days: int = Field(description="Days on which it posted anything.")
    average_forwards: float | None
    average_replies: float | None
    average_reactions: float | None
    views_per_subscriber: float | None = Field(
        description="Average views in relation to its subscribers; null where either is unknown."
    )


class ChannelActivity(BaseModel):
    """One channel's day. A day without a post has no row: it may never have been read."""

    activity_date: date = Field(description="The posts' own day (UTC).")
    message_count: int = Field(description="Posts.")
    distinct_message_count: int = Field(description="The same with the day's reposts counted once.")
    new_message_count: int = Field(description="Posts that say what the channel had never said.")
    detection_count: int = Field(description="Things seen on their pictures.")
    total_views: int = Field(description="Sum of views; a post without counters adds 0.")
    total_forwards: int
    total_replies: int
    total_reactions: int = Field(description="Emoji reactions of all kinds.")
    messages_with_media: int = Field(description="Posts with a picture, document or other media.")
    image_count: int = Field(description="Posts with a readable picture.")
