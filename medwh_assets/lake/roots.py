"""From what `MEDWH_LAKE` says to the files that it means."""

import importlib.util
import re
from pathlib import Path
from typing import Final

from medwh_assets.errors import SettingError
from medwh_assets.lake.disk import DiskFiles
from medwh_assets.lake.files import Files
from medwh_assets.lake.objects import ObjectFiles
from medwh_assets.lake.s3 import S3Store

# One letter is a drive of Windows.
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def files_at(root: str) -> Files:
    """Return the files at a folder or a URL; nothing is opened or made yet.

    Raises:
        SettingError: the protocol is none of ours, its package is missing, or no bucket is named.
    """
    url = _URL.fullmatch(root)
    if url is None:
        return DiskFiles(Path(root))
    protocol, rest = url[1].lower(), url[2]
    if protocol == "file":
        return DiskFiles(Path(rest))
    if protocol != "s3":
        raise SettingError(
            f"MEDWH_LAKE is {root!r}: a lake lies in a folder or at s3://bucket/prefix, and "
            f"{protocol}:// is neither. Most object stores speak S3 too: name theirs by "
            "AWS_ENDPOINT_URL"
        )
    bucket, _, prefix = rest.partition("/")
    parts = [part for part in prefix.split("/") if part]
    if not _BUCKET.fullmatch(bucket) or not {".", ".."}.isdisjoint(parts) or "?" in prefix:
        raise SettingError(f"MEDWH_LAKE is {root!r}: write it as s3://bucket/prefix")
    if importlib.util.find_spec("s3fs") is None:
        raise SettingError(
            f"MEDWH_LAKE is {root!r}, and s3fs is not installed: pip install 'medwh[s3]'"
        )
    return ObjectFiles(S3Store(bucket, "/".join(parts)))
