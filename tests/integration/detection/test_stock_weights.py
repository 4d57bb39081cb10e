"""The download of stock weights, from a server on this machine."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from medwh_assets.detection import stock_weights
from medwh_assets.detection.stock_weights import StockWeights, download
from medwh_assets.errors import SettingError, SourceUnreachableError, WeightsError

CONTENT = bytes(range(256)) * 2_000
ALSO_HTTP = ("https", "http")


@dataclass
class Server:
    """What it answers, by path, and what it was asked for."""

    address: str = ""
    length: int = len(CONTENT)
    content: bytes = CONTENT
    redirects: dict[str, str] = field(default_factory=dict[str, str])
    asked: list[str] = field(default_factory=list[str])

    def weights(self, path: str = "/tiny.pt") -> StockWeights:
        return StockWeights("tiny", hashlib.sha256(CONTENT).hexdigest(), self.address + path)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            if target := told.redirects.get(self.path):
                self.send_response(302)
                self.send_header("Location", target)
                self.end_headers()
                return
            if self.path != "/tiny.pt":
                self.send_error(404)
                return
            self.send_response(200)
            if told.length:
                self.send_header("Content-Length", str(told.length))
            self.end_headers()
            self.wfile.write(told.content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        told.address = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield told
        http.shutdown()
        thread.join()


def nobody(_: int, __: int) -> None:
    pass


def test_weights_are_downloaded_whole_and_told_as_they_come(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    file = download(
        server.weights(), tmp_path / "weights", lambda *now: told.append(now), schemes=ALSO_HTTP
    )

    assert file == tmp_path / "weights" / "tiny.pt"
    assert file.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert len(told) > 3


def test_what_is_there_is_not_downloaded_again(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        download(server.weights(), tmp_path, nobody, schemes=ALSO_HTTP)
    assert server.asked == ["/tiny.pt"]

    (tmp_path / "tiny.pt").write_bytes(b"something else")
    download(server.weights(), tmp_path, nobody, schemes=ALSO_HTTP)

    assert server.asked == ["/tiny.pt"] * 2
    assert (tmp_path / "tiny.pt").read_bytes() == CONTENT


def test_a_file_of_another_hash_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.content = b"x" * len(CONTENT)

    with pytest.raises(WeightsError, match="nothing was kept"):
        download(server.weights(), tmp_path, nobody, schemes=ALSO_HTTP)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_too_large_is_not_read_to_its_end(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock_weights, "_MAX_BYTES", len(CONTENT) // 2)
    for told in (len(CONTENT), 0):
        server.length = told
        with pytest.raises(WeightsError, match="larger than"):
            download(server.weights(), tmp_path, nobody, schemes=ALSO_HTTP)

    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.length = 2 * len(CONTENT)

    with pytest.raises(SourceUnreachableError):
        download(server.weights(), tmp_path, nobody, schemes=ALSO_HTTP)

    assert list(tmp_path.iterdir()) == []


def test_a_server_that_refuses_or_is_not_there_says_what_to_do(
    server: Server, tmp_path: Path
) -> None:
    absent = StockWeights("tiny", "0" * 64, "http://127.0.0.1:9/tiny.pt")
    for weights in (server.weights("/nowhere.pt"), absent):
        with pytest.raises(SourceUnreachableError, match="try again, or put the file"):
            download(weights, tmp_path, nobody, schemes=ALSO_HTTP)


def test_only_https_is_fetched_from_and_redirected_to(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is http, not https"):
        download(server.weights(), tmp_path, nobody)
    assert server.asked == []

    server.redirects = {"/moved.pt": "/tiny.pt", "/out.pt": "ftp://127.0.0.1/tiny.pt"}
    download(server.weights("/moved.pt"), tmp_path, nobody, schemes=ALSO_HTTP)
    (tmp_path / "tiny.pt").unlink()
    with pytest.raises(WeightsError, match="is ftp, not http or https"):
        download(server.weights("/out.pt"), tmp_path, nobody, schemes=ALSO_HTTP)


def test_stock_weights_are_known_by_name() -> None:
    known = stock_weights.stock_weights("YOLOv8n.pt")
    assert known.url.startswith("https://github.com/ultralytics/assets/releases/")
    assert known.url.endswith("/yolov8n.pt")
    assert len(known.sha256) == 64

    with pytest.raises(SettingError, match="there are yolo11n, yolo11s, yolov8n, yolov8s"):
        stock_weights.stock_weights("../../etc/passwd")
