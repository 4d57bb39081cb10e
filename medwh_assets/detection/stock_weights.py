"""Stock weights, downloaded when somebody asks for them by name and never otherwise.

They are pickles, and loading them runs what stands in them as far as torch allows: so a file counts
only if its SHA-256 is the one that stands here. The hashes are those of the files of Ultralytics'
releases as dozens of projects have pinned them; GitHub tells none for releases as old as these.
"""

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from medwh_assets.errors import SettingError, SourceUnreachableError, WeightsError

_RELEASE: Final = "https://github.com/ultralytics/assets/releases/download/v8.4.0"
_MAX_BYTES: Final = 64 * 2**20
_CHUNK_BYTES: Final = 2**16
_PATIENCE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class StockWeights:
    """A published file.

    Attributes:
        name: of the model.
        sha256: of the file, lower-case hexadecimal.
        url: where it is.
    """

    name: str
    sha256: str
    url: str


STOCK: Final = {
    name: StockWeights(name, sha256, f"{_RELEASE}/{name}.pt")
    for name, sha256 in {
        "yolov8n": "f59b3d833e2ff32e194b5bb8e08d211dc7c5bdf144b90d2c8412c47ccfc83b36",
        "yolov8s": "1f47a78bf100391c2a140b7ac73a1caae18c32779be7d310658112f7ac9aa78a",
        "yolo11n": "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1",
        "yolo11s": "85a76fe86dd8afe384648546b56a7a78580c7cb7b404fc595f97969322d502d5",
    }.items()
}

# Told how many bytes are here, and how many there will be, or 0 where nobody knows.
Watcher = Callable[[int, int], None]


def stock_weights(name: str) -> StockWeights:
    """Find stock weights by name.

    Raises:
        SettingError: there are none of this name.
    """
    found = STOCK.get(name.lower().removesuffix(".pt"))
    if found is None:
        raise SettingError(
            f"no stock weights are called {name!r}: there are {', '.join(sorted(STOCK))}. Others can "
            "be put on this machine by hand, and named in MEDWH_YOLO_WEIGHTS"
        )
    return found


def download(
    stock: StockWeights,
    folder: Path,
    watcher: Watcher,
    *,
    schemes: Collection[str] = ("https",),
) -> Path:
    """Download stock weights, unless they are there, and return the file.

    It takes its name when it is whole and its hash is right, so nothing else is ever found under it.

    Args:
        stock: which.
        folder: where to.
        watcher: told as it goes.
        schemes: how files may be fetched; redirects keep to it too.

    Raises:
        SourceUnreachableError: the server does not answer, or breaks off.
        WeightsError: what it sends is not these weights.
    """
    target = folder / f"{stock.name}.pt"
    if target.is_file() and _sha256(target) == stock.sha256:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{stock.name}-", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            found = _fetch(stock, file.write, watcher, schemes)
            file.flush()
            os.fsync(file.fileno())
        if found != stock.sha256:
            raise WeightsError(
                f"{stock.url} gave a file with SHA-256 {found}, but {stock.name} has {stock.sha256}: "
                "nothing was kept. Something on the way changes downloads, or the file was replaced"
            )
        Path(unfinished).replace(target)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return target


def _fetch(
    stock: StockWeights, write: Callable[[bytes], Any], watcher: Watcher, schemes: Collection[str]
) -> str:
    hashed = hashlib.sha256()
    done = 0
    try:
        with closing(_opened(stock.url, schemes)) as answer:
            told = answer.headers.get("Content-Length", "")
            total = int(told) if told.isdecimal() else 0
            while chunk := answer.read(_CHUNK_BYTES):
                done += len(chunk)
                if max(done, total) > _MAX_BYTES:
                    raise WeightsError(
                        f"{stock.url} is larger than {_MAX_BYTES // 2**20} MB, so it is not "
                        f"{stock.name}: nothing was kept"
                    )
                hashed.update(chunk)
                write(chunk)
                watcher(done, total)
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise SourceUnreachableError(
            f"{stock.url} cannot be fetched ({reason or type(error).__name__}): try again, or put "
            "the file on this machine by hand and name it in MEDWH_YOLO_WEIGHTS"
        ) from error
    if total and done < total:
        raise SourceUnreachableError(
            f"{stock.url} broke off after {done:,} of {total:,} bytes: try again"
        )
    return hashed.hexdigest()


def _opened(url: str, schemes: Collection[str]) -> Any:
    class OnlySchemes(urllib.request.HTTPRedirectHandler):
        """Follows no redirect to another scheme."""

        def redirect_request(
            self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
        ) -> Any:
            _check_scheme(newurl, schemes)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    _check_scheme(url, schemes)
    request = urllib.request.Request(url, headers={"User-Agent": "medwh"})  # noqa: S310 - checked above
    return urllib.request.build_opener(OnlySchemes()).open(request, timeout=_PATIENCE_SECONDS)


def _check_scheme(url: str, schemes: Collection[str]) -> None:
    scheme = urlsplit(url).scheme
    if scheme not in schemes:
        raise WeightsError(f"{url} is {scheme or 'no scheme'}, not {' or '.join(sorted(schemes))}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
