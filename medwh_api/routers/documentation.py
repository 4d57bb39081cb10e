"""`/docs`: the API described, and `/warehouse`: its tables; nothing is fetched from elsewhere.

FastAPI's own page loads Swagger UI from a CDN; here it comes from an installed package. The page
of the tables is dbt's, one file that `medwh docs` writes.
"""

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from medwh_api.errors import NotDescribedError
from medwh_api.settings import ApiSettings

# dbt's page is one file with its scripts and styles inside, whose templates are compiled in the
# browser. It may run those and nothing else: no address is asked, its own or another.
_WAREHOUSE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

router = APIRouter(include_in_schema=False)


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


@router.get("/warehouse")
def get_warehouse(request: Request) -> HTMLResponse:
    """Return the page that describes every table and column.

    Raises:
        NotDescribedError: nobody has written it yet.
    """
    settings: ApiSettings = request.app.state.settings
    try:
        page = settings.documentation.read_bytes()
    except OSError as error:
        raise NotDescribedError from error
    return HTMLResponse(
        page,
        headers={
            "Content-Security-Policy": _WAREHOUSE_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        },
    )


def mount_documentation(app: FastAPI) -> None:
    """Serve the pages and the files they need."""
    app.include_router(router)
    assets = Path(fastapi_offline.__file__).with_name("static")
    app.mount("/docs/assets", StaticFiles(directory=assets), name="docs-assets")
