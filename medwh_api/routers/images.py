"""`/api/images`: the lake's pictures."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request, Response

from medwh_api import queries
from medwh_api.dependencies import ImageInPath, Lake, Marts
from medwh_api.errors import IMAGES_UNREACHABLE, UNKNOWN_IMAGE, UnknownImageError
from medwh_api.pictures import Seen
from medwh_api.routers.described import described_failures
from medwh_api.schemas.parameters import ImageParameters

router = APIRouter(prefix="/api/images", tags=["images"])

# Decoding takes up to a second and 200 MB for the largest pictures.
_AT_ONCE = 2
_HEADERS = {
    # Whoever asks for a hash always gets the same bytes.
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


class _Picture(Response):
    media_type = "image/jpeg"


@router.get(
    "/{image_sha256}",
    response_class=_Picture,
    summary="One picture",
    response_description="The picture as it was posted, or a JPEG with boxes.",
    responses={
        200: {"content": {"image/jpeg": _BINARY, "image/png": _BINARY, "image/webp": _BINARY}},
        304: {"description": "What the client has is what there is."},
        **described_failures(UNKNOWN_IMAGE, IMAGES_UNREACHABLE),
    },
)
async def get_image(
    request: Request,
    marts: Marts,
    lake: Lake,
    image_sha256: ImageInPath,
    parameters: Annotated[ImageParameters, Query()],
) -> Response:
    """A picture that some post shows, by the hash of its content.

    `annotated=true` draws what the detector saw into a copy of at most 1,280 pixels a side.
    """
    asked = {"image_sha256": image_sha256}
    found = await marts.fetch(queries.FIND_IMAGE, asked)
    if not found:
        raise UnknownImageError
    paths = [row["image_path"] for row in found]
    boxes: list[Seen] = []
    tag = f'"{image_sha256}"'
    headers = dict(_HEADERS)
    if parameters.annotated:
        boxes = _boxes(await marts.fetch(queries.LIST_BOXES_OF_IMAGE, asked))
        tag = f'"{hashlib.sha256(repr((image_sha256, boxes)).encode()).hexdigest()[:32]}"'
        # Another model may see other things.
        headers["Cache-Control"] = "private, no-cache"
    headers["ETag"] = tag
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    limiter = picture_limiter(request)
    if parameters.annotated:
        drawn = await to_thread.run_sync(lake.draw, image_sha256, paths, boxes, limiter=limiter)
        return Response(drawn, headers=headers, media_type="image/jpeg")
    content, kind = await to_thread.run_sync(lake.read, image_sha256, paths, limiter=limiter)
    return Response(content, headers=headers, media_type=kind)


def picture_limiter(request: Request) -> CapacityLimiter:
    """Return what bounds how many pictures are opened at once."""
    # Bound to the event loop that the application runs in.
    state = request.app.state
    if not hasattr(state, "picture_limiter"):
        state.picture_limiter = CapacityLimiter(_AT_ONCE)
    limiter: CapacityLimiter = state.picture_limiter
    return limiter


def _boxes(rows: Sequence[dict[str, Any]]) -> list[Seen]:
    return [
        Seen(
            label=row["detected_object_class"],
            confidence=row["confidence_score"],
            left=row["box_top_left_x"],
            top=row["box_top_left_y"],
            width=row["box_width"],
            height=row["box_height"],
            image_width=row["image_width"],
            image_height=row["image_height"],
        )
        for row in rows
    ]
