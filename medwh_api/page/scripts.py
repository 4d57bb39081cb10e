"""What the page loads beside itself: its style, its script, and the library that draws the charts.

The library is Vega-Lite with all it stands on, out of the package vl-convert-python: it makes one
script of it, which takes a second or two and a JavaScript engine of 150 MB. So another process does
it, once while a service lives.
"""

import gzip
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files

_BUNDLE = (
    "import sys, vl_convert;"
    "sys.stdout.buffer.write(vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed').encode())"
)
_BUNDLE_PATIENCE_S = 120
JAVASCRIPT = "text/javascript; charset=utf-8"
CSS = "text/css; charset=utf-8"


@dataclass(frozen=True)
class Asset:
    """A file that the page loads, under a name that changes with its content."""

    name: str
    media_type: str
    content: bytes

    @cached_property
    def compressed(self) -> bytes:
        """The content, by gzip, always the same bytes."""
        return gzip.compress(self.content, mtime=0)


def _read(name: str, media_type: str) -> Asset:
    content = (files("medwh_api.page") / "assets" / name).read_bytes()
    stem, _, suffix = name.partition(".")
    return Asset(f"{stem}-{_short_hash(content)}.{suffix}", media_type, content)


def _short_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


STYLE = _read("page.css", CSS)
SCRIPT = _read("page.js", JAVASCRIPT)


def bundle() -> bytes:
    """Return the library as one script, made by another process.

    Raises:
        subprocess.SubprocessError: it failed, or took two minutes.
    """
    made = subprocess.run(
        [sys.executable, "-c", _BUNDLE],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_BUNDLE_PATIENCE_S,
    )
    return made.stdout


class ChartLibrary:
    """The library, made at most once. Its methods may be called by several threads."""

    def __init__(self, make: Callable[[], bytes] = bundle) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Future[Asset] | None = None

    @property
    def name(self) -> str:
        """What the file is called: known before it is made, by what it is made of."""
        made_of = f"{version('vl-convert-python')} {_BUNDLE}"
        return f"charts-{_short_hash(made_of.encode())}.js"

    def prepare(self) -> "Future[Asset]":
        """Begin to make it, unless that has begun, and return what it will be."""
        with self._lock:
            if self._made is None or (self._made.done() and self._made.exception()):
                self._made = Future[Asset]()
                # Whoever waits for it and goes away leaves it to the others.
                self._made.set_running_or_notify_cancel()
                threading.Thread(target=self._fulfil, args=(self._made,), daemon=True).start()
            return self._made

    def _fulfil(self, future: "Future[Asset]") -> None:
        try:
            asset = Asset(self.name, JAVASCRIPT, self._make())
            # Here, because it takes a while too.
            _ = asset.compressed
        except (OSError, subprocess.SubprocessError) as error:
            future.set_exception(error)
        else:
            future.set_result(asset)
