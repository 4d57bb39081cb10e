"""An object store for a session, and a fresh bucket in it for every test."""

from tests.integration.buckets import bucket, endpoint

__all__ = ["bucket", "endpoint"]
