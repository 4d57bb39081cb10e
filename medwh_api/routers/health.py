"""`/health`: for whoever starts, restarts and balances the service."""

from typing import Annotated

from fastapi import APIRouter, Query

from medwh_api import queries
from medwh_api.dependencies import Marts
from medwh_api.errors import (
    DATABASE_UNREACHABLE,
    INVALID_PARAMETER,
    QUERY_TOO_SLOW,
    WAREHOUSE_NOT_BUILT,
    documented,
)
from medwh_api.schemas.health import Live, Ready
from medwh_api.schemas.parameters import NoParameters

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="Is the process alive?", responses=documented(INVALID_PARAMETER))
async def get_live(_parameters: Annotated[NoParameters, Query()]) -> Live:
    """Answer without touching the database."""
    return Live()


@router.get(
    "/ready",
    summary="Can it answer questions?",
    responses=documented(
        INVALID_PARAMETER, DATABASE_UNREACHABLE, WAREHOUSE_NOT_BUILT, QUERY_TOO_SLOW
    ),
)
async def get_ready(marts: Marts, _parameters: Annotated[NoParameters, Query()]) -> Ready:
    """Answer only when the database is up and every mart can be read."""
    await marts.fetch(queries.CHECK_MARTS)
    return Ready()
