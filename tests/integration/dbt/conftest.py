"""A warehouse that one build has filled, anew for every test."""

from collections.abc import Iterator

import pytest
from psycopg import sql

from medwh_assets.warehouse.builds import finish_build, open_build
from medwh_assets.warehouse.connection import Connection, Database
from tests.integration.dbt.dbt_command import DbtCommand
from tests.integration.dbt.slices_of_posts import first_loads

# One for every kind of load, so that what one touches does not hide what another leaves.
CHANNELS = [
    "demo_edited",
    "demo_emptied",
    "demo_removed",
    "demo_moved",
    "demo_moved_before",
    "demo_moved_after",
    "demo_looked_again",
    "demo_looked_late",
    "demo_shared",
    "demo_untouched",
]


@pytest.fixture(scope="session")
def models_database(template: Database) -> Iterator[Database]:
    """The place of the warehouse: dbt writes its name into what it parses, so it is always one."""
    place, built = template.on("dbt_models"), template.on("dbt_models_built")
    _copy(template, place)
    yield place
    for database in (place, built):
        _drop(database)


@pytest.fixture(scope="session")
def dbt(
    models_database: Database, template: Database, tmp_path_factory: pytest.TempPathFactory
) -> DbtCommand:
    """Dbt, after the first build of the first loads; a copy of that database is kept."""
    command = DbtCommand(models_database, tmp_path_factory.mktemp("target"))
    with models_database.connect() as connection:
        for channel in CHANNELS:
            first_loads(connection, channel)
        build_id = open_build(connection, True, "models").build_id
        command.rebuild()
        finish_build(connection, build_id, ok=True)
    _copy(models_database, template.on("dbt_models_built"))
    return command


@pytest.fixture
def warehouse(models_database: Database, dbt: DbtCommand) -> Iterator[Connection]:
    """A connection to the warehouse as the first build left it."""
    _drop(models_database)
    _copy(models_database.on("dbt_models_built"), models_database)
    with models_database.connect() as connection:
        yield connection


def _copy(source: Database, target: Database) -> None:
    names = {"target": sql.Identifier(target.name), "source": sql.Identifier(source.name)}
    with source.connect(name="postgres") as connection:
        connection.execute(sql.SQL("create database {target} template {source}").format(**names))


def _drop(database: Database) -> None:
    with database.connect(name="postgres") as connection:
        name = sql.Identifier(database.name)
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))
