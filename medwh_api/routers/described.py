"""What the description of the API says of every address of one kind."""

from typing import Any

from pydantic import BaseModel

from medwh_api.errors import (
    DATABASE_UNREACHABLE,
    INVALID_PARAMETER,
    NOT_ACCEPTABLE,
    QUERY_TOO_SLOW,
    WAREHOUSE_NOT_BUILT,
    ProblemKind,
    documented,
)

_FAILURES = (INVALID_PARAMETER, DATABASE_UNREACHABLE, WAREHOUSE_NOT_BUILT, QUERY_TOO_SLOW)
_ETAG: dict[str, Any] = {
    "ETag": {
        "description": "Changes with what the warehouse holds; send it back in `If-None-Match`.",
        "schema": {"type": "string"},
    }
}
_LINK: dict[str, Any] = {
    "Link": {
        "description": '`<…>; rel="next"` where there are more rows.',
        "schema": {"type": "string"},
    }
}
_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "What the client has is what there is.", "headers": _ETAG}
}


def described_list(
    *rows: type[BaseModel], failures: tuple[ProblemKind, ...] = (), is_clocked: bool = False
) -> dict[str, Any]:
    """Return FastAPI's arguments for a list of rows of one of these kinds, as JSON and CSV.

    Args:
        rows: what a row may look like; all rows of one answer look alike.
        failures: kinds of failure besides those that every address has.
        is_clocked: whether it depends on the clock and so has no ETag.
    """
    model: Any = list[rows[0]]
    for row in rows[1:]:
        model = model | list[row]
    table: dict[str, Any] = {
        "schema": {"type": "string", "description": "RFC 4180, UTF-8 with a byte order mark."}
    }
    answer = {
        "content": {"text/csv": table},
        "headers": _LINK | ({} if is_clocked else _ETAG),
    }
    return {
        "response_model": model,
        "responses": {200: answer}
        | ({} if is_clocked else _UNCHANGED)
        | documented(NOT_ACCEPTABLE, *failures, *_FAILURES),
    }


def described_one(row: type[BaseModel], *failures: ProblemKind) -> dict[str, Any]:
    """Return FastAPI's arguments for one row of this kind, as JSON."""
    return {
        "response_model": row,
        "responses": {200: {"headers": _ETAG}, **_UNCHANGED, **documented(*failures, *_FAILURES)},
    }


def described_failures(*failures: ProblemKind) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses` for what an address and every other one can fail with."""
    return documented(*failures, *_FAILURES)
