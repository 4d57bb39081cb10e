"""Health of the service."""

from typing import Literal

from pydantic import BaseModel


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """The database answers and the marts can be read."""

    status: Literal["ready"] = "ready"
