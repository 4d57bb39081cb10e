"""How fresh the warehouse is, and what its checks say."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field, JsonValue


class ChannelFreshness(BaseModel):
    """How late one channel is."""

    channel_username: str
    is_live: bool = Field(description="Whether it is read from Telegram.")
    status: Literal["fresh", "late", "overdue", "archived"] = Field(
        description="archived: an imported channel, which has no deadline."
    )
    last_read_at: datetime | None = Field(description="The last read that succeeded.")
    last_attempt_status: str | None = Field(description="How the last attempt ended.")
    last_attempt_at: datetime | None
    newest_message_date: date | None = Field(description="Day of the newest post.")
    last_loaded_at: datetime | None = Field(description="When posts of it were last loaded.")
    age_hours: float | None = Field(description="Hours since the last read; null if archived.")
    warn_after_hours: float | None = Field(description="From this age on it is late.")
    fail_after_hours: float | None = Field(description="From this age on it is overdue.")


class CheckResult(BaseModel):
    """What one check said last."""

    asset: str = Field(description="What was checked.")
    check_name: str
    passed: bool
    severity: Literal["WARN", "ERROR"]
    is_blocking: bool = Field(description="Whether nothing is built on an asset that fails it.")
    description: str | None = Field(description="What it checks, or what it found.")
    details: dict[str, JsonValue] | None = Field(description="The numbers behind it.")
    checked_at: datetime
