"""Rows of the marts as an answer: JSON that PostgreSQL made, or CSV for a spreadsheet.

A list is answered in pages, found by key (`cursors`). Both kinds of answer bear an ETag made of what
the warehouse holds (`content`), and are not sent to a client that has them.
"""

import csv
import hashlib
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from medwh_api.content import BuiltContent
from medwh_api.cursors import Key
from medwh_api.database import QueryRunner
from medwh_api.errors import ApiError, NotAcceptableError
from medwh_api.schemas.parameters import PageParameters

JSON = "application/json"
CSV = "text/csv"
# Rows that one answer in CSV may have, and of which each query takes this many at most.
MAX_CSV_ROWS = 100_000
_CSV_PAGE = 1000
# A spreadsheet takes a cell that begins with one of these for a formula; the last four are the same
# at full width, which some of them take too.
_FORMULA = tuple("=+-@＝＋－＠")
_RELEASE = version("medwh")

Finish = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Listing:
    """A query that lists rows.

    Attributes:
        query: the SQL; takes `limit` and the parameters of `key`.
        row: what a row looks like.
        key: what orders them.
        name: what a file of it is called.
    """

    query: bytes
    row: type[BaseModel]
    key: Key
    name: str


class Answers:
    """Answers one request."""

    def __init__(self, request: Request, marts: QueryRunner, content: BuiltContent) -> None:
        self._request = request
        self._marts = marts
        self._content = content

    async def page(
        self,
        listing: Listing,
        asked: PageParameters,
        values: Mapping[str, object] | None = None,
        *,
        finish: Finish | None = None,
        unless_empty: tuple[bytes, ApiError] | None = None,
        is_clocked: bool = False,
    ) -> Response:
        """Answer with a page of rows, or with all of them where it is CSV without a limit.

        Args:
            listing: what is listed.
            asked: the page and its format.
            values: the query's other parameters.
            finish: what is done to each row before it is sent.
            unless_empty: an error to raise where there are no rows, unless this query has one.
            is_clocked: whether the rows depend on the clock, so that no ETag can tell them apart.

        Raises:
            ApiError: there is no such page, or the database does not answer.
        """
        kind = CSV if asked.format == "csv" else JSON if asked.format else self._negotiated()
        place = listing.key.place(asked.after)
        headers = await self._headers(kind, is_clocked=is_clocked)
        if self._is_known(headers):
            return Response(status_code=304, headers=headers)
        everything = dict(values or {}) | place
        size = min(asked.limit or MAX_CSV_ROWS, _CSV_PAGE) if kind == CSV else asked.page_size
        # Before the answer begins, so that what goes wrong can still be said.
        rows, following = await self._rows(listing, everything, size)
        if not rows and unless_empty:
            query, error = unless_empty
            if not await self._marts.fetch(query, everything):
                raise error
        if following and (asked.limit or kind == JSON):
            headers["Link"] = self._link(following)
        if kind == CSV:
            left = (asked.limit or MAX_CSV_ROWS) - len(rows)
            headers["Content-Disposition"] = f'attachment; filename="{listing.name}.csv"'
            lines = self._lines(listing, everything, rows, following, left, finish)
            return StreamingResponse(lines, headers=headers, media_type=CSV)
        if finish:
            rows = [orjson.dumps(finish(orjson.loads(row))) for row in rows]
        return Response(b"[" + b",".join(rows) + b"]", headers=headers, media_type=JSON)

    async def one(
        self,
        query: bytes,
        values: Mapping[str, object],
        missing: ApiError,
        *,
        is_clocked: bool = False,
    ) -> Response:
        """Answer with the one row of a query.

        Raises:
            ApiError: `missing` where there is none, or the database does not answer.
        """
        headers = await self._headers(JSON, is_clocked=is_clocked)
        # What is not there has no ETag, so nobody can know it.
        if self._is_known(headers):
            return Response(status_code=304, headers=headers)
        rows = await self._marts.fetch_json(query, values)
        if not rows:
            raise missing
        return Response(rows[0], headers=headers, media_type=JSON)

    def _negotiated(self) -> str:
        """Return the kind of answer that the client prefers, JSON where it does not say."""
        accepted = _accepted(self._request.headers.get("accept", "*/*"))
        json, table = (_preference(accepted, kind) for kind in (JSON, CSV))
        if not json and not table:
            raise NotAcceptableError
        return CSV if table > json else JSON

    async def _headers(self, kind: str, *, is_clocked: bool) -> dict[str, str]:
        headers = {"Vary": "Accept", "Cache-Control": "no-cache"}
        if is_clocked:
            return headers | {"Cache-Control": "no-store"}
        content = await self._content.hash()
        if content:
            url = self._request.url
            of = "\n".join((content, _RELEASE, kind, url.path, url.query))
            headers["ETag"] = f'"{hashlib.sha256(of.encode()).hexdigest()[:32]}"'
        return headers

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        asked = self._request.headers.get("if-none-match")
        tag = headers.get("ETag")
        if not asked or not tag:
            return False
        return tag in [each.strip().removeprefix("W/") for each in asked.split(",")]

    async def _rows(
        self, listing: Listing, values: Mapping[str, object], limit: int
    ) -> tuple[list[bytes], str | None]:
        """Return rows as JSON, and the cursor behind them where there are more."""
        rows = await self._marts.fetch_json(listing.query, {**values, "limit": limit + 1})
        if len(rows) <= limit:
            return rows, None
        return rows[:limit], listing.key.cursor(orjson.loads(rows[limit - 1]))

    def _link(self, cursor: str) -> str:
        others = [
            (name, value)
            for name, value in self._request.query_params.multi_items()
            if name != "after"
        ]
        return f'<?{urlencode([*others, ("after", cursor)])}>; rel="next"'

    async def _lines(
        self,
        listing: Listing,
        values: Mapping[str, object],
        rows: list[bytes],
        following: str | None,
        left: int,
        finish: Finish | None,
    ) -> AsyncIterator[str]:
        names = list(listing.row.model_fields)
        # Excel takes a file without this mark for one in the machine's old code page.
        yield "\ufeff" + _written([names])
        while True:
            read: list[dict[str, Any]] = [orjson.loads(row) for row in rows]
            finished = [finish(row) for row in read] if finish else read
            yield _written([[_cell(row.get(name)) for name in names] for row in finished])
            if not following or left <= 0:
                return
            # A page at a time: a client that reads slowly holds no connection.
            place = listing.key.place(following)
            rows, following = await self._rows(listing, {**values, **place}, min(left, _CSV_PAGE))
            left -= len(rows)


def _accepted(header: str) -> list[tuple[str, float]]:
    """Return media ranges and their qualities, as far as they can be read."""
    ranges: list[tuple[str, float]] = []
    for part in header.split(",")[:50]:
        kind, *parameters = (each.strip().lower() for each in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        ranges.append((kind, quality))
    return ranges


def _preference(accepted: Sequence[tuple[str, float]], kind: str) -> float:
    """Return the quality of the closest range that holds this kind; 0 where none does."""
    for closest in (kind, kind.partition("/")[0] + "/*", "*/*"):
        found = [quality for each, quality in accepted if each == closest]
        if found:
            return max(found)
    return 0.0


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return safe_for_spreadsheets(value)
    if isinstance(value, (int, float)):
        return str(value)
    return safe_for_spreadsheets(orjson.dumps(value).decode())


def safe_for_spreadsheets(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe before it if it would."""
    # Blanks and characters without a width before the sign do not keep every program from it.
    start = text.lstrip(" \t\r\n\v\f\u00a0\u200b\u200c\u200d\u2060\ufeff\u202a\u202b\u202d\u202e")
    is_formula = start.startswith(_FORMULA) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if is_formula else text


def _written(rows: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
