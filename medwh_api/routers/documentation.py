"""`/docs`: the API described, with nothing fetched from elsewhere.

FastAPI's own page loads Swagger UI from a CDN; here it comes from an installed package.
"""

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)


@router.get("/")
async def get_root() -> RedirectResponse:
    """Lead to the documentation."""
    return RedirectResponse("docs")


@router.get("/docs")
async def get_docs() -> HTMLResponse:
    """Return Swagger UI."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="medwh API",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="data:,",
        swagger_ui_parameters={
            "tryItOutEnabled": True,
            "displayRequestDuration": True,
            "defaultModelsExpandDepth": 0,
            # Else Swagger UI sends the schema's address to validator.swagger.io.
            "validatorUrl": None,
        },
    )


def mount_documentation(app: FastAPI) -> None:
    """Serve the page and the files it needs."""
    app.include_router(router)
    assets = Path(fastapi_offline.__file__).with_name("static")
    app.mount("/docs/assets", StaticFiles(directory=assets), name="docs-assets")
