"""`/`: the report page, and what it loads. Errors are pages here, for people."""

import asyncio
import hashlib
import logging
import subprocess

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from medwh_api import queries
from medwh_api.access import asks_for_key, require_key
from medwh_api.database import QueryRunner
from medwh_api.dependencies import ImageInPath, Lake, Marts
from medwh_api.errors import (
    ApiError,
    ChartsUnmadeError,
    InvalidParameterError,
    KeyMissingError,
    UnknownChannelError,
    UnknownImageError,
    UnknownProductError,
)
from medwh_api.page.filters import PageFilters, Refused, read_filters
from medwh_api.page.rendering import (
    Choices,
    Frame,
    render_failure,
    render_page,
    render_refused,
)
from medwh_api.page.report import read_choices, read_report
from medwh_api.page.scripts import SCRIPT, STYLE, Asset, ChartLibrary
from medwh_api.routers.images import picture_limiter
from medwh_api.settings import ApiSettings

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# A browser answers this by asking for a name and a password, and sends them with what follows.
_ASK_FOR_KEY = 'Basic realm="medwh", charset="UTF-8"'
_ALWAYS = "public, max-age=31536000, immutable"
_HTML = "text/html"

_log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)


def _require_key(request: Request) -> None:
    settings: ApiSettings = request.app.state.settings
    if asks_for_key(settings):
        require_key(request)


@router.get("/")
async def get_page(request: Request, marts: Marts) -> Response:
    """Return the report page; what goes wrong is a page too."""
    frame = _frame(request)
    try:
        _require_key(request)
        return await _answer(request, marts, frame)
    except ApiError as error:
        headers = _HEADERS | {"Cache-Control": "no-store"}
        if error.kind.retry_after is not None:
            headers["Retry-After"] = str(error.kind.retry_after)
        if isinstance(error, KeyMissingError):
            headers["WWW-Authenticate"] = _ASK_FOR_KEY
        page = render_failure(frame, error.kind)
        return Response(page, error.kind.status, headers, media_type=_HTML)


@router.get("/page/assets/{name}")
async def get_asset(request: Request, name: str) -> Response:
    """Return the page's style, its script, or the library that draws its charts.

    Raises:
        HTTPException: there is no such file, or no longer.
        ChartsUnmadeError: the library could not be made.
    """
    asset = {each.name: each for each in (STYLE, SCRIPT)}.get(name)
    library: ChartLibrary = request.app.state.chart_library
    if name == library.name:
        asset = await _made(library)
    if asset is None:
        raise HTTPException(404)
    headers = {"Cache-Control": _ALWAYS, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.compressed, headers=headers, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


@router.get("/page/thumbnails/{image_sha256}.jpg", dependencies=[Depends(_require_key)])
async def get_thumbnail(
    request: Request, marts: Marts, lake: Lake, image_sha256: ImageInPath
) -> Response:
    """Return a small copy of a picture that some post shows.

    Raises:
        UnknownImageError: no post shows it, or its file is gone.
    """
    found = await marts.fetch(queries.FIND_IMAGE, {"image_sha256": image_sha256})
    if not found:
        raise UnknownImageError
    paths = [row["image_path"] for row in found]
    limiter = picture_limiter(request)
    small = await to_thread.run_sync(lake.shrink, image_sha256, paths, limiter=limiter)
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(small, headers=headers, media_type="image/jpeg")


def _frame(request: Request) -> Frame:
    library: ChartLibrary = request.app.state.chart_library
    at = "page/assets/"
    return Frame(style=at + STYLE.name, scripts=[at + library.name, at + SCRIPT.name])


async def _answer(request: Request, marts: QueryRunner, frame: Frame) -> Response:
    asked = read_filters(request.query_params.multi_items())
    if isinstance(asked, Refused):
        return await _refuse(marts, frame, asked, 422)
    try:
        report = await read_report(marts, asked)
    except UnknownChannelError:
        wrong = {"channel": "The warehouse holds no post of this channel."}
        return await _refuse(marts, frame, Refused(_typed(asked), wrong), 404)
    except UnknownProductError:
        wrong = {"product": "The vocabulary has no such product."}
        return await _refuse(marts, frame, Refused(_typed(asked), wrong), 404)
    except InvalidParameterError as error:
        wrong = {error.parameter or "": error.message}
        return await _refuse(marts, frame, Refused(_typed(asked), wrong), 422)
    page = render_page(frame, asked, report, lambda sha256: f"page/thumbnails/{sha256}.jpg")
    content = page.encode()
    # Freshness depends on the clock, so the page itself is compared and not what was built.
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = _HEADERS | {"Cache-Control": "private, no-cache", "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=_HTML)


async def _refuse(marts: QueryRunner, frame: Frame, refused: Refused, status: int) -> Response:
    channels, products = await read_choices(marts)
    page = render_refused(frame, refused, Choices(channels, products))
    headers = _HEADERS | {"Cache-Control": "no-store"}
    return Response(page, status, headers, media_type=_HTML)


def _typed(asked: PageFilters) -> dict[str, str]:
    return asked.model_dump(mode="json", by_alias=True, exclude_none=True)


async def _made(library: ChartLibrary) -> Asset:
    try:
        return await asyncio.wrap_future(library.prepare())
    except (OSError, subprocess.SubprocessError) as error:
        _log.exception("the charts' library could not be made")
        raise ChartsUnmadeError from error
