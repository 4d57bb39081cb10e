"""A database with small marts made by hand, as the API finds them."""

import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from medwh_api.settings import ApiSettings
from medwh_assets.warehouse.connection import Database
from medwh_assets.warehouse.server import EmbeddedServer
from medwh_assets.warehouse.setup import set_up
from tests.integration.api.contracts import create_statements

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Marts:
    """One database of a server that its tests may stop."""

    server: EmbeddedServer
    name: str

    def connect(self, user: str | None = None) -> psycopg.Connection:
        """Connect as the owner of everything, or as somebody else."""
        return psycopg.connect(
            host=str(self.server.socket_folder),
            port=self.server.port,
            user=user or self.server.user,
            dbname=self.name,
            autocommit=True,
        )

    def run(self, sql: str) -> None:
        """Run statements as the owner of everything."""
        with self.connect() as connection:
            connection.execute(sql.encode())

    def build(self) -> None:
        """Set the database up and build the marts, as the role that does it for real."""
        database = Database(
            str(self.server.socket_folder), self.server.port, self.name, self.server.user
        )
        set_up(database)
        with database.connect("medwh_transformer") as connection:
            for statement in create_statements():
                connection.execute(statement.encode())
            connection.execute((HERE / "posts.sql").read_bytes())
        with database.connect("medwh_loader") as connection:
            connection.execute((HERE / "operations.sql").read_bytes())

    def until_somebody_waits(self) -> None:
        """Return once a query of an API waits for a lock."""
        with self.connect() as connection:
            while not connection.execute(
                "select 1 from pg_stat_activity"
                " where usename = 'medwh_api' and wait_event_type = 'Lock'"
            ).fetchone():
                time.sleep(0.01)

    def settings(self, **others: object) -> ApiSettings:
        """Return the settings of an API on this database, patient with a busy machine."""
        return ApiSettings.model_validate(
            {
                "db_host": str(self.server.socket_folder),
                "db_port": self.server.port,
                "db_name": self.name,
                "connection_timeout": 30,
                "query_timeout": 60,
            }
            | others
        )
