"""Objects of S3, and of every store that speaks its language, through fsspec's s3fs.

Credentials and endpoint are found where every AWS program finds them (`AWS_ACCESS_KEY_ID`,
`AWS_PROFILE`, `AWS_ENDPOINT_URL`, a machine's role), or in fsspec's own settings
(`FSSPEC_S3_ENDPOINT_URL`); nothing of them is held here. s3fs is imported at the first use.
"""

import asyncio
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final, TypeVar

from medwh_assets.errors import LakeUnreachableError, SettingError
from medwh_assets.lake.object_store import ABSENT, ConflictError

T = TypeVar("T")

_CONFLICTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_NO_BUCKET: Final = "NoSuchBucket"
_BODY_TRIES: Final = 3
# Keys in one answer of a listing: as many as S3 gives.
_PAGE: Final = 1000
_GET_CREDENTIALS: Final = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), and AWS_ENDPOINT_URL for a "
    "store that is not AWS's"
)


class S3Store:
    """The objects of a bucket below a prefix.

    Args:
        bucket: its name.
        prefix: without slashes at its ends; empty for the whole bucket.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        """Remember the names; nothing is connected."""
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @property
    def url(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    @cached_property
    def _filesystem(self) -> Any:
        import fsspec

        return fsspec.filesystem("s3", use_listings_cache=False)

    def get(self, key: str, most: int | None = None) -> tuple[bytes, str] | None:
        """Return an object's content and ETag, or None if it is not there."""
        ask = {} if most is None else {"Range": f"bytes=0-{most}"}
        with self._told():
            try:
                return self._sync(self._fetched(key, ask))
            except FileNotFoundError as error:
                if _code(error) == _NO_BUCKET:
                    raise
                return None
            except OSError as error:
                if most is not None and _code(error) in ("InvalidRange", "416"):
                    # An empty object has no first byte.
                    return b"", self.version(key)
                raise

    async def _fetched(self, key: str, ask: dict[str, str]) -> tuple[bytes, str]:
        from aiohttp import ClientError
        from botocore.exceptions import HTTPClientError

        for attempt in range(_BODY_TRIES):
            answer = await self._filesystem._call_s3("get_object", **self._object(key), **ask)
            try:
                # s3fs tries again until the answer has begun, not when it breaks off.
                async with answer["Body"] as body:
                    return await body.read(), answer["ETag"]
            except (ClientError, HTTPClientError, TimeoutError):
                if attempt == _BODY_TRIES - 1:
                    raise
                await asyncio.sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable")

    def version(self, key: str) -> str:
        """Return an object's ETag, or `ABSENT`."""
        with self._told():
            try:
                answer = self._call("head_object", **self._object(key))
            except FileNotFoundError:
                return ABSENT
            return str(answer["ETag"])

    def put(self, key: str, content: bytes, expected: str | None = None) -> str:
        """Write an object in one PUT, and return its ETag.

        Raises:
            ConflictError: it is not as expected.
        """
        with self._told(), _conditional(gone_is_conflict=bool(expected)):
            answer = self._call(
                "put_object", **self._object(key), Body=content, **_condition(expected)
            )
            return str(answer["ETag"])

    def copy(self, source: str, target: str, expected: str) -> str:
        """Copy an object inside the store, and return the copy's ETag.

        Raises:
            ConflictError: the target is not as expected, or the source is gone.
        """
        with self._told(), _conditional(gone_is_conflict=True):
            answer = self._call(
                "copy_object",
                **self._object(target),
                CopySource=f"{self._bucket}/{self._prefix}{source}",
                **_condition(expected),
            )
            return str(answer["CopyObjectResult"]["ETag"])

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._told():
            self._call("delete_object", **self._object(key))

    def find(self, prefix: str) -> Iterator[tuple[str, str]]:
        """List keys and ETags, sorted; one request for each thousand."""
        for page in self._pages(prefix):
            for one in page.get("Contents", ()):
                yield one["Key"].removeprefix(self._prefix), one["ETag"].strip('"')

    def folders(self, prefix: str) -> list[str]:
        """List what keys have between a prefix and the next slash, sorted."""
        start = self._prefix + prefix
        return [
            one["Prefix"].removeprefix(start).rstrip("/")
            for page in self._pages(prefix, Delimiter="/")
            for one in page.get("CommonPrefixes", ())
        ]

    def _pages(self, prefix: str, **options: str) -> Iterator[dict[str, Any]]:
        where: dict[str, object] = {
            "Bucket": self._bucket,
            "Prefix": self._prefix + prefix,
            **options,
        }
        where["MaxKeys"] = _PAGE
        more: dict[str, str] = {}
        while True:
            with self._told():
                page: dict[str, Any] = self._call("list_objects_v2", **where, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _call(self, method: str, **values: object) -> dict[str, Any]:
        return self._filesystem.call_s3(method, **values)

    def _sync(self, work: Coroutine[Any, Any, T]) -> T:
        # The filesystem's own thread, on which its connections live.
        return asyncio.run_coroutine_threadsafe(work, self._filesystem.loop).result()

    @contextmanager
    def _told(self) -> Generator[None]:
        """Turn what the layers below raise into what medwh says."""
        from aiohttp import ClientError
        from botocore.exceptions import (
            BotoCoreError,
            NoCredentialsError,
            PartialCredentialsError,
            ProfileNotFound,
        )

        try:
            yield
        except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
            raise SettingError(f"{self.url}: {error}: {_GET_CREDENTIALS}") from error
        except PermissionError as error:
            raise SettingError(
                f"{self.url}: the object store refused ({error}); {_GET_CREDENTIALS}, and allow "
                "this account to list, get, put and delete objects there"
            ) from error
        except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
            if _code(error) == _NO_BUCKET:
                # It must not look like an empty lake.
                raise SettingError(
                    f"MEDWH_LAKE is {self.url!r}: there is no bucket {self._bucket!r}; make it, or "
                    "set MEDWH_LAKE to another one"
                ) from error
            raise LakeUnreachableError(
                f"{self.url}: the object store did not answer as it should "
                f"({type(error).__name__}: {error}); check AWS_ENDPOINT_URL and the network, then "
                "run again"
            ) from error


@contextmanager
def _conditional(*, gone_is_conflict: bool) -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if _code(error) == _NO_BUCKET or not gone_is_conflict:
            raise
        raise ConflictError(str(error)) from error
    except OSError as error:
        if isinstance(error, FileExistsError) or _code(error) in _CONFLICTS:
            raise ConflictError(str(error)) from error
        raise


def _condition(expected: str | None) -> dict[str, str]:
    if expected is None:
        return {}
    return {"IfMatch": expected} if expected else {"IfNoneMatch": "*"}


def _code(error: BaseException) -> str:
    """Return S3's own code of an error that s3fs has translated."""
    response: Any = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
