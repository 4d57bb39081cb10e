"""A typed Python client that is generated from the description works against the service."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.api.api_marts import Marts
from tests.integration.api.service import Service, free_port, until_ready


@pytest.fixture
def address(start: Callable[..., Service], marts: Marts, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    with (tmp_path / "service.log").open("w") as log:
        start(output=log, PORT=port, DB_HOST=marts.server.socket_folder, DB_NAME=marts.name)
    until_ready(f"http://127.0.0.1:{port}")
    yield f"http://127.0.0.1:{port}"


def generate(address: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Generate the client, and return what imports a module of it."""
    description = folder / "openapi.json"
    description.write_bytes(httpx2.get(f"{address}/openapi.json").content)
    config = folder / "client.yaml"
    binary = "application/octet-stream"
    kinds = "".join(f"  image/{kind}: {binary}\n" for kind in ("jpeg", "png", "webp"))
    config.write_text(f"post_hooks: []\ncontent_type_overrides:\n{kinds}")
    # fmt: off
    finished = subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate",
            "--path", str(description), "--config", str(config), "--meta", "none",
            "--output-path", str(folder / "generated_medwh"), "--fail-on-warning",
        ],
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True, text=True, check=False,
    )
    # fmt: on
    assert finished.returncode == 0, finished.stdout + finished.stderr
    monkeypatch.syspath_prepend(folder)
    return lambda name: importlib.import_module(f"generated_medwh.{name}")


def test_a_generated_client_reads_every_kind_of_answer(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    module = generate(address, tmp_path, monkeypatch)
    with module("client").Client(base_url=address) as client:

        def ask(name: str, **parameters: object) -> Any:
            return module(f"api.{name}").sync(client=client, **parameters)

        channels = ask("channels.list_channels")
        assert [channel.channel_username for channel in channels][:1] == ["addis_drugs"]
        assert channels[0].first_post_at.year == 2025
        (seen,) = ask("reports.get_top_products", limit=1)
        assert (seen.detected_object_class, seen.detection_count) == ("bottle", 3)
        by = module("models").GetTopProductsBy.OFFERS
        (offered,) = ask("reports.get_top_products", by=by)
        assert (offered.product_key, offered.median_price) == ("paracetamol", 110)
        product = ask("products.get_product", product="paracetamol")
        assert [month.median_price for month in product.price_history] == [100, 100.5]
        found = ask("search.search_messages", query="ፓራሲታሞል")
        assert found[0].highlights[0].match == "ፓራሲታሞል"
        message = ask("messages.get_message", channel_username="addis_drugs", message_id=1)
        assert message.detections[1].detected_object_class == "blister"
        missing = ask("products.get_product", product="nothing")
        assert (type(missing).__name__, missing.status) == ("Problem", 404)
