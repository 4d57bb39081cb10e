"""The application: a factory that wires settings, database, routes and errors together."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from medwh_api.access import HEADER, asks_for_key, require_key
from medwh_api.content import BuiltContent
from medwh_api.database import QueryRunner, open_database
from medwh_api.dependencies import refuse_repeated_parameters
from medwh_api.errors import (
    KEY_MISSING,
    MEDIA_TYPE,
    TOO_MANY_REQUESTS,
    documented,
    install_error_handlers,
)
from medwh_api.examples import example_of
from medwh_api.observation import REQUEST_ID, Metrics, Observation
from medwh_api.page.scripts import ChartLibrary
from medwh_api.pictures import Pictures
from medwh_api.rate_limit import RateLimit, limits_requests
from medwh_api.routers import (
    channels,
    health,
    images,
    messages,
    metrics,
    operations,
    page,
    products,
    reports,
    search,
)
from medwh_api.routers.documentation import mount_documentation
from medwh_api.settings import ApiSettings

Connect = Callable[[ApiSettings], AbstractAsyncContextManager[QueryRunner]]

_DESCRIPTION = """What medical and pharmacy businesses post on public Telegram channels: posts,
pictures, what is seen on them, and how people react. Days and times are UTC. The API only reads.

Lists come in pages: the `Link` header leads to the next. They are JSON, or CSV for a spreadsheet
(`?format=csv`, or `Accept: text/csv`), in which a text that a spreadsheet would take for a formula has
an apostrophe before it. Send an answer's `ETag` back in `If-None-Match`, and what has not changed is
not sent again.

Errors are problem documents (RFC 9457); a 429 or 503 says in `Retry-After` when to try again."""

_TAGS = [
    {"name": "reports", "description": "What stands out over all channels."},
    {"name": "products", "description": "What is named and offered, and at what price."},
    {"name": "channels", "description": "Who posts, and how much."},
    {"name": "search", "description": "Posts by their text."},
    {"name": "messages", "description": "One post."},
    {"name": "images", "description": "The posts' pictures."},
    {"name": "operations", "description": "How fresh and how sound the data are."},
    {"name": "health", "description": "For whoever runs the service."},
]


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the schema, with true examples, and errors under the type that they are sent with."""
        if self.openapi_schema is None:
            schema = super().openapi()
            for path in schema["paths"].values():
                for operation in path.values():
                    _complete(operation)
            self.openapi_schema = schema
        return self.openapi_schema


def _complete(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            content = response["content"]
            for kind in content.keys() - {MEDIA_TYPE}:
                content[MEDIA_TYPE].update(content.pop(kind))
    examples = example_of(operation["operationId"])
    for kind, content in operation["responses"].get("200", {}).get("content", {}).items():
        if kind in examples:
            content["example"] = examples[kind]


def create_app(
    settings: ApiSettings | None = None,
    connect: Connect = open_database,
    chart_library: ChartLibrary | None = None,
) -> FastAPI:
    """Return the application; nothing is connected before it starts.

    Args:
        settings: from the environment if None.
        connect: opens what runs the queries, for as long as the application lives.
        chart_library: what draws the page's charts; made when it is asked for if None.
    """
    settings = settings or ApiSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with connect(settings) as query_runner:
            app.state.query_runner = query_runner
            app.state.built_content = BuiltContent(query_runner)
            yield

    app = _Api(
        title="medwh API",
        version=version("medwh"),
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        # A generated client's methods bear the names of the functions here.
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.pictures = Pictures(settings.lake)
    app.state.chart_library = chart_library or ChartLibrary()
    _add_routes(app, settings)
    install_error_handlers(app)
    _add_middleware(app, settings)
    return app


def _add_routes(app: FastAPI, settings: ApiSettings) -> None:
    failures = [TOO_MANY_REQUESTS] if limits_requests(settings) else []
    needed = [Depends(refuse_repeated_parameters)]
    if asks_for_key(settings):
        failures.append(KEY_MISSING)
        needed.insert(0, Depends(require_key))
    for room in (reports, products, channels, search, messages, images, operations):
        app.include_router(room.router, dependencies=needed, responses=documented(*failures))
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(page.router)
    mount_documentation(app)


def _add_middleware(app: FastAPI, settings: ApiSettings) -> None:
    """Wrap the application: what is added last is outermost."""
    if limits_requests(settings):
        app.add_middleware(RateLimit, settings=settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET"],
            allow_headers=[HEADER, "If-None-Match", REQUEST_ID],
            expose_headers=["ETag", "Link", "Retry-After", "Content-Disposition", REQUEST_ID],
        )
    app.add_middleware(Observation, metrics=app.state.metrics)
