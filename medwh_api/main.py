"""The application: a factory that wires settings, database, routes and errors together."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI

from medwh_api.database import QueryRunner, open_database
from medwh_api.errors import (
    DATABASE_UNREACHABLE,
    INVALID_PARAMETER,
    MEDIA_TYPE,
    QUERY_TOO_SLOW,
    WAREHOUSE_NOT_BUILT,
    documented,
    install_error_handlers,
)
from medwh_api.routers import channels, health, reports, search
from medwh_api.routers.documentation import mount_documentation
from medwh_api.settings import ApiSettings

Connect = Callable[[ApiSettings], AbstractAsyncContextManager[QueryRunner]]

_DESCRIPTION = """What medical and pharmacy businesses post on public Telegram channels: posts,
pictures, what is seen on them, and how people react. Days and times are UTC. The API only reads.

Errors are problem documents (RFC 9457); a 503 says in `Retry-After` when to try again."""

_TAGS = [
    {"name": "reports", "description": "What stands out over all channels."},
    {"name": "channels", "description": "Who posts, and how much."},
    {"name": "search", "description": "Posts by their text."},
    {"name": "health", "description": "For whoever runs the service."},
]


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the schema, with errors under the media type that they are sent with."""
        if self.openapi_schema is None:
            schema = super().openapi()
            for path in schema["paths"].values():
                for operation in path.values():
                    for status, response in operation["responses"].items():
                        if int(status) >= 400:
                            plain = response["content"].pop("application/json")
                            response["content"][MEDIA_TYPE].update(plain)
            self.openapi_schema = schema
        return self.openapi_schema


def create_app(settings: ApiSettings | None = None, connect: Connect = open_database) -> FastAPI:
    """Return the application; nothing is connected before it starts.

    Args:
        settings: from the environment if None.
        connect: opens what runs the queries, for as long as the application lives.
    """
    settings = settings or ApiSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with connect(settings) as query_runner:
            app.state.query_runner = query_runner
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
    api = APIRouter(
        prefix="/api",
        responses=documented(
            INVALID_PARAMETER, DATABASE_UNREACHABLE, WAREHOUSE_NOT_BUILT, QUERY_TOO_SLOW
        ),
    )
    for room in (reports, channels, search):
        api.include_router(room.router)
    app.include_router(api)
    app.include_router(health.router)
    mount_documentation(app, settings)
    install_error_handlers(app)
    return app
