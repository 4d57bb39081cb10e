"""`/api/reports`: what stands out."""

from typing import Annotated

from fastapi import APIRouter, Query

from medwh_api import queries
from medwh_api.database import Row
from medwh_api.dependencies import Marts
from medwh_api.schemas.parameters import NoParameters, TopProductsParameters
from medwh_api.schemas.reports import TopProduct, VisualContent

router = APIRouter(prefix="/reports", tags=["reports"])


@router.get(
    "/top-products",
    response_model=list[TopProduct],
    summary="Most seen products",
    response_description="Classes, the most seen first.",
)
async def get_top_products(
    marts: Marts, parameters: Annotated[TopProductsParameters, Query()]
) -> list[Row]:
    """Classes of things that the detector saw on pictures, people left out, the most seen first.

    A class is the detector's own label: how good it is depends on the weights.
    """
    return await marts.fetch(queries.COUNT_DETECTIONS_BY_CLASS, {"limit": parameters.limit})


@router.get(
    "/visual-content",
    response_model=list[VisualContent],
    summary="Picture categories per channel",
    response_description="One row per channel and category.",
)
async def get_visual_content(
    marts: Marts, _parameters: Annotated[NoParameters, Query()]
) -> list[Row]:
    """What kind of picture each channel posts, its share, and how often it is viewed."""
    return await marts.fetch(queries.COUNT_POSTS_BY_IMAGE_CATEGORY)
