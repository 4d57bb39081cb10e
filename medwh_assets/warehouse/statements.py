"""Read the room's SQL: every statement stands in a file of `sql/`."""

from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

from psycopg import sql


@cache
def statement(name: str) -> sql.SQL:
    """Return the text of a file in `sql/`; values are bound by whoever executes it."""
    text = (files("medwh_assets.warehouse") / "sql" / name).read_text(encoding="utf-8")
    # The file is the program's own text, as literal as a string in the code.
    return sql.SQL(cast(LiteralString, text))
