"""The warehouse as one object for assets and commands: where it is, connections, ledger, builds.

Whoever asks for a connection gets a server that runs and a database that is set up.
"""

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from medwh_assets.errors import MedwhError
from medwh_assets.extracted import ExtractedPost
from medwh_assets.outcomes import Number
from medwh_assets.settings import PostgresSettings
from medwh_assets.slices import Slice
from medwh_assets.verdicts import Noted, Unbuilt
from medwh_assets.warehouse.builds import (
    OpenBuild,
    count_rows,
    finish_build,
    models_changed,
    open_build,
    unbuilt,
    unbuilt_loads,
)
from medwh_assets.warehouse.check_facts import WarehouseCheckFacts
from medwh_assets.warehouse.connection import (
    Connection,
    Database,
    Role,
    database_of,
    embedded_server,
)
from medwh_assets.warehouse.load import (
    LedgerTable,
    load_extractions,
    loaded_contents,
    remove_slices,
)
from medwh_assets.warehouse.setup import set_up


@dataclass(frozen=True, slots=True)
class ExtractionLoads:
    """Loads slices of extractions over one connection, each in a transaction of its own."""

    connection: Connection

    def load(
        self,
        piece: Slice,
        message_ids: Sequence[int],
        posts: Iterable[ExtractedPost],
        *,
        content_sha256: str,
        version: str,
    ) -> Mapping[str, Number]:
        """Load one slice and tell how many rows came of it; see `load.load_extractions`."""
        result = load_extractions(
            self.connection, piece, message_ids, posts,
            content_sha256=content_sha256, version=version,
        )  # fmt: skip
        return result.counts


class Warehouse:
    """The warehouse that the settings mean.

    Args:
        settings: a server's address, or none for the embedded server.
        state: the state folder, below which the embedded server lives.
        api_password: what the API's role shall log in with on a server of the user's own.
    """

    def __init__(
        self, settings: PostgresSettings, state: Path, api_password: SecretStr | None = None
    ) -> None:
        """Remember the place; nothing is started or opened."""
        binaries = os.environ.get("MEDWH_PG_BIN")
        self.server = embedded_server(
            settings, state, binaries=Path(binaries) if binaries else None
        )
        self.database: Database = database_of(settings, state)
        self._api_password = api_password
        self._is_set_up = False

    @contextmanager
    def running(self) -> Generator[None]:
        """Have the server run inside the block; an embedded one stops at the end unless others use it.

        Raises:
            DatabaseUnreachableError: the embedded server does not start.
        """
        with self.server.running() if self.server else nullcontext():
            yield

    def ensure(self) -> Database:
        """Make sure that the server runs and the database is set up; return the database.

        Raises:
            DatabaseUnreachableError: the server does not answer or start.
            PrivilegeError: the login role lacks a right; the message is SQL for an administrator.
            SettingError: the login is refused.
        """
        if self.server is not None:
            self.server.ensure()
        if not self._is_set_up:
            set_up(self.database, api_password=self._api_password)
            self._is_set_up = True
        return self.database

    def connect(self, role: Role | None = None) -> Connection:
        """Open a connection in one of medwh's roles, or as the login role.

        Raises:
            DatabaseUnreachableError: the server does not answer or start.
            PrivilegeError: the login role may not set up medwh or take on the role.
            SettingError: the login is refused.
        """
        return self.ensure().connect(role)

    def loaded_messages(self) -> dict[Slice, str]:
        """Return the content hash of every slice of posts as loaded last."""
        return self._loaded("telegram_messages")

    def loaded_detections(self) -> dict[Slice, str]:
        """Return the content hash of every slice of detections as loaded last."""
        return self._loaded("yolo_detections")

    def loaded_extractions(self) -> dict[Slice, str]:
        """Return the content hash of every slice of extractions as loaded last."""
        return self._loaded("post_extractions")

    @contextmanager
    def extraction_loads(self) -> Generator[ExtractionLoads]:
        """Open a connection that extractions are loaded over.

        Raises:
            DatabaseUnreachableError: the server does not answer, so no slice can be loaded.
        """
        with self.connect("medwh_loader") as connection:
            yield ExtractionLoads(connection)

    def loaded_channel_facts(self) -> dict[Slice, str]:
        """Return the content hash of every day of channel facts as loaded last."""
        return self._loaded("channel_facts")

    def _loaded(self, table: LedgerTable) -> dict[Slice, str]:
        with self.connect("medwh_loader") as connection:
            contents = loaded_contents(connection, table)
        return {
            piece: content.content_sha256
            for piece, content in contents.items()
            if content.content_sha256 is not None
        }

    def unbuilt_loads(self) -> int:
        """Return how many loads no finished build holds."""
        with self.connect("medwh_loader") as connection:
            return unbuilt_loads(connection)

    def unbuilt(self) -> Unbuilt:
        """Return the loads that no finished build holds."""
        with self.connect("medwh_loader") as connection:
            return unbuilt(connection)

    @property
    def facts(self) -> WarehouseCheckFacts:
        """What checks look at, and where their verdicts are kept."""
        return WarehouseCheckFacts(self)

    def note_checks(self, results: Sequence[Noted]) -> None:
        """Keep how checks ended."""
        self.facts.note(results)

    def models_changed(self, models_sha256: str) -> bool:
        """Whether the marts were built last by models other than these."""
        with self.connect("medwh_loader") as connection:
            return models_changed(connection, models_sha256)

    def remove(self, slices: list[Slice]) -> int:
        """Take slices out of `raw`; the next build takes them out of the marts."""
        with self.connect("medwh_loader") as connection:
            return remove_slices(connection, slices)

    @contextmanager
    def build(
        self, *, models_sha256: str, full_refresh: bool, every_model: bool
    ) -> Generator[OpenBuild]:
        """Fix the loads of a build; mark them as built at the end if every model has seen them.

        Raises:
            BuildLostError: the connection that holds the build's turn broke on the way.
        """
        with self.connect("medwh_loader") as connection:
            opened = open_build(connection, full_refresh, models_sha256)
            try:
                yield opened
            except BaseException:
                # Why the build failed tells more than why that could not be written down; the
                # next build marks this one as failed.
                with suppress(MedwhError):
                    finish_build(connection, opened.build_id, ok=False)
                raise
            finish_build(connection, opened.build_id, ok=every_model)

    def count_rows(self, schema: str, table: str) -> int:
        """Count the rows of a table that dbt has built."""
        with self.connect("medwh_transformer") as connection:
            return count_rows(connection, schema, table)

    def dbt_environment(self) -> dict[str, str]:
        """Return the variables by which dbt's profile finds the database."""
        database = self.ensure()
        return {
            "MEDWH_DBT_HOST": database.host,
            "MEDWH_DBT_PORT": str(database.port),
            "MEDWH_DBT_DB": database.name,
            "MEDWH_DBT_USER": database.user,
            "MEDWH_DBT_PASSWORD": _secret(database.password),
        }

    def api_environment(self) -> dict[str, str]:
        """Return the settings by which the API finds the database, in its own role."""
        return {
            "MEDWH_API_DB_HOST": self.database.host,
            "MEDWH_API_DB_PORT": str(self.database.port),
            "MEDWH_API_DB_NAME": self.database.name,
            "MEDWH_API_DB_PASSWORD": _secret(self._api_password),
        }


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""
