"""Every way in which a request can fail, and the one map from exceptions to answers.

    ApiError
    ├── InvalidParameterError     422  a parameter that no schema could refuse
    ├── KeyMissingError           401  no API key, or one that is not known
    ├── UnknownChannelError       404  no such channel in the marts
    ├── UnknownProductError       404  no such product in the vocabulary
    ├── UnknownMessageError       404  no such post in the marts
    ├── UnknownImageError         404  no post has such a picture, or its file is gone
    ├── NotDescribedError         404  nobody has written the warehouse's documentation
    ├── NotAcceptableError        406  the client wants neither JSON nor CSV
    ├── TooManyRequestsError      429  more than MEDWH_API_RATE_LIMIT
    ├── ImagesUnreachableError    503  the lake does not answer
    ├── ChartsUnmadeError         503  the page's charts cannot be drawn
    ├── DatabaseUnreachableError  503  down, restarting, or every connection busy
    ├── WarehouseNotBuiltError    503  the marts are not there yet, or not readable
    └── QueryTooSlowError         504  longer than MEDWH_API_QUERY_TIMEOUT

Every answer is a problem document (RFC 9457) with a fixed sentence: what an exception says goes to
the log, never to the client.
"""

import logging
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from medwh_api.schemas.problems import ParameterProblem, Problem

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of failure: its name, its status and what a client is told.

    Attributes:
        name: last part of the problem's `type`, stable for programs.
        status: HTTP status.
        title: short summary, the same for every occurrence.
        detail: what happened and what to do, where the occurrence adds nothing of its own.
        retry_after: seconds after which trying again makes sense; None where it does not.
    """

    name: str
    status: int
    title: str
    detail: str
    retry_after: int | None = None

    @property
    def uri(self) -> str:
        """The problem's `type`."""
        return f"urn:medwh:problem:{self.name}"


INVALID_PARAMETER = ProblemKind(
    "invalid-parameter", 422, "Invalid parameter", "A parameter is missing, malformed or unknown."
)
KEY_MISSING = ProblemKind(
    "key-missing",
    401,
    "API key missing",
    "This API asks for a key: send a valid one in the header X-API-Key.",
)
UNKNOWN_CHANNEL = ProblemKind(
    "unknown-channel",
    404,
    "Unknown channel",
    "The warehouse holds no post of this channel. /api/channels lists those it knows.",
)
UNKNOWN_PRODUCT = ProblemKind(
    "unknown-product",
    404,
    "Unknown product",
    "The vocabulary has no such product. /api/products lists those it has, and finds them by name.",
)
UNKNOWN_MESSAGE = ProblemKind(
    "unknown-message",
    404,
    "Unknown message",
    "The warehouse holds no such post of this channel. /api/search/messages finds posts.",
)
UNKNOWN_IMAGE = ProblemKind(
    "unknown-image",
    404,
    "Unknown image",
    "No post has such a picture, or its file is no longer in the lake.",
)
NOT_DESCRIBED = ProblemKind(
    "warehouse-not-described",
    404,
    "Warehouse is not described yet",
    "The page of all tables and columns is not there: write it with `make docs` (or `medwh docs`), "
    "then load this address again.",
)
NOT_FOUND = ProblemKind(
    "not-found", 404, "Not found", "There is nothing at this address. /docs lists what there is."
)
METHOD_NOT_ALLOWED = ProblemKind(
    "method-not-allowed", 405, "Method not allowed", "The API only reads: use GET."
)
NOT_ACCEPTABLE = ProblemKind(
    "not-acceptable",
    406,
    "Not acceptable",
    "Answers are application/json or text/csv: accept one of them, or ask with ?format=csv.",
)
TOO_MANY_REQUESTS = ProblemKind(
    "too-many-requests",
    429,
    "Too many requests",
    "You have asked more often than this API allows. Retry-After says in how many seconds to go on.",
    retry_after=1,
)
IMAGES_UNREACHABLE = ProblemKind(
    "images-unreachable",
    503,
    "Images unreachable",
    "The lake, where pictures lie, did not answer; try again in a moment.",
    retry_after=5,
)
CHARTS_UNMADE = ProblemKind(
    "charts-unmade",
    503,
    "Charts cannot be drawn",
    "The library that draws the charts could not be made; the server's log tells why.",
    retry_after=30,
)
DATABASE_UNREACHABLE = ProblemKind(
    "database-unreachable",
    503,
    "Database unreachable",
    "The database did not answer: it is down, starting, or all its connections are busy. "
    "The API reconnects by itself; try again in a moment.",
    retry_after=2,
)
WAREHOUSE_NOT_BUILT = ProblemKind(
    "warehouse-not-built",
    503,
    "Warehouse is not built yet",
    "The database is up but its marts are missing or cannot be read: run `medwh run` first.",
    retry_after=30,
)
QUERY_TOO_SLOW = ProblemKind(
    "query-too-slow",
    504,
    "Query too slow",
    "The database took too long to answer. Ask for less, or raise MEDWH_API_QUERY_TIMEOUT.",
)
INTERNAL_ERROR = ProblemKind(
    "internal-error",
    500,
    "Internal error",
    "Something went wrong here; the server's log tells what.",
)


class ApiError(Exception):
    """Root of the tree: each subclass is one kind of problem."""

    kind: ClassVar[ProblemKind]


class InvalidParameterError(ApiError):
    """A parameter that passed its schema and is wrong all the same.

    Attributes:
        parameter: its name; None where it is not known.
        message: what is wrong with it, written by us, safe to send.
    """

    kind = INVALID_PARAMETER

    def __init__(self, parameter: str | None, message: str) -> None:
        """Take the parameter's name, where there is one, and what is wrong with it."""
        super().__init__(f"{parameter}: {message}")
        self.parameter = parameter
        self.message = message


class KeyMissingError(ApiError):
    """No API key was sent, or one that is not known."""

    kind = KEY_MISSING


class UnknownChannelError(ApiError):
    """No post of such a channel stands in the marts."""

    kind = UNKNOWN_CHANNEL


class UnknownProductError(ApiError):
    """The vocabulary has no such product."""

    kind = UNKNOWN_PRODUCT


class UnknownMessageError(ApiError):
    """No such post stands in the marts."""

    kind = UNKNOWN_MESSAGE


class UnknownImageError(ApiError):
    """No post has such a picture, or its file is gone."""

    kind = UNKNOWN_IMAGE


class NotAcceptableError(ApiError):
    """The client accepts neither JSON nor CSV."""

    kind = NOT_ACCEPTABLE


class TooManyRequestsError(ApiError):
    """A client has asked more often than `MEDWH_API_RATE_LIMIT` allows."""

    kind = TOO_MANY_REQUESTS


class ImagesUnreachableError(ApiError):
    """The lake does not answer."""

    kind = IMAGES_UNREACHABLE


class ChartsUnmadeError(ApiError):
    """The library that draws the page's charts could not be made."""

    kind = CHARTS_UNMADE


class NotDescribedError(ApiError):
    """The page that describes the warehouse is missing or cannot be read."""

    kind = NOT_DESCRIBED


class DatabaseUnreachableError(ApiError):
    """PostgreSQL did not answer, or gave no connection in time."""

    kind = DATABASE_UNREACHABLE


class WarehouseNotBuiltError(ApiError):
    """The marts do not exist, lack a column, or this role may not read them."""

    kind = WAREHOUSE_NOT_BUILT


class QueryTooSlowError(ApiError):
    """The query was given up after `MEDWH_API_QUERY_TIMEOUT`."""

    kind = QUERY_TOO_SLOW


def install_error_handlers(app: FastAPI) -> None:
    """Make every failure of the app a problem document."""
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answer_unknown_error)


def documented(*kinds: ProblemKind) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses` for these kinds; kinds of one status share an entry."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = responses.setdefault(
            kind.status, {"model": Problem, "description": "", "content": {}}
        )
        entry["description"] = " / ".join(filter(None, [entry["description"], kind.title]))
        media = entry["content"].setdefault(MEDIA_TYPE, {"examples": {}})
        media["examples"][kind.name] = {"value": _body(_problem(kind))}
        if kind.retry_after is not None:
            entry["headers"] = {
                "Retry-After": {
                    "description": "Seconds after which to try again.",
                    "schema": {"type": "integer"},
                }
            }
    return responses


def problem_response(kind: ProblemKind, *, retry_after: int | None = None) -> JSONResponse:
    """Return an answer for where no exception can be raised."""
    return _answer(_problem(kind), retry_after=retry_after or kind.retry_after)


def _answer_api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    if isinstance(error, InvalidParameterError):
        return _answer_parameters(
            [ParameterProblem(parameter=error.parameter, message=error.message)]
        )
    headers = {"WWW-Authenticate": 'ApiKey header="X-API-Key"'} if error.kind is KEY_MISSING else {}
    return _answer(_problem(error.kind), retry_after=error.kind.retry_after, headers=headers)


def _answer_validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _answer_parameters(
        [
            # A location is ("query", "limit"), or ("query",) where the whole of them is wrong.
            ParameterProblem(
                parameter=str(found["loc"][1]) if len(found["loc"]) > 1 else None,
                message=str(found["msg"]).removeprefix("Value error, "),
            )
            for found in error.errors()
        ]
    )


def _answer_http_exception(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    known = {kind.status: kind for kind in (NOT_FOUND, METHOD_NOT_ALLOWED)}
    kind = known.get(error.status_code)
    if kind is None:
        problem = Problem(type="about:blank", title="Request refused", status=error.status_code)
    else:
        problem = _problem(kind)
    return _answer(problem, headers=error.headers)


def _answer_unknown_error(request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error at %s", request.url.path, exc_info=error)
    return _answer(_problem(INTERNAL_ERROR))


def _answer_parameters(errors: list[ParameterProblem]) -> JSONResponse:
    detail = "; ".join(
        f"{error.parameter}: {error.message}" if error.parameter else error.message
        for error in errors
    )
    problem = _problem(INVALID_PARAMETER).model_copy(update={"detail": detail, "errors": errors})
    return _answer(problem)


def _problem(kind: ProblemKind) -> Problem:
    return Problem(type=kind.uri, title=kind.title, status=kind.status, detail=kind.detail)


def _body(problem: Problem) -> dict[str, Any]:
    return problem.model_dump(exclude_none=True)


def _answer(
    problem: Problem, *, retry_after: int | None = None, headers: Any = None
) -> JSONResponse:
    all_headers = dict(headers or {})
    if retry_after is not None:
        all_headers["Retry-After"] = str(retry_after)
    return JSONResponse(
        _body(problem), status_code=problem.status, headers=all_headers, media_type=MEDIA_TYPE
    )
