"""Fixtures: an object store for the session, and a fresh bucket in it for every test."""

from collections.abc import Iterator

import fsspec
import pytest

from tests.moto_store import Bucket, credentials, make_bucket, moto_server


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Where the object store answers."""
    with moto_server() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A fresh bucket, to which this process's own environment leads too."""
    environment = credentials(endpoint)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    name = make_bucket()
    return Bucket(name, {**environment, "MEDWH_LAKE": Bucket(name, {}).url})
