"""A page in one file, which needs neither a server nor a network: `python -m medwh_api report`."""

import base64
import hashlib
import os
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from anyio import to_thread
from markupsafe import Markup

from medwh_api import queries
from medwh_api.database import QueryRunner
from medwh_api.errors import ImagesUnreachableError, UnknownImageError
from medwh_api.page.filters import PageFilters
from medwh_api.page.rendering import Frame, render_page
from medwh_api.page.report import Report, read_report
from medwh_api.page.scripts import SCRIPT, STYLE
from medwh_api.pictures import Pictures


async def export_page(
    marts: QueryRunner,
    pictures: Pictures,
    asked: PageFilters,
    library: bytes,
    made_at: datetime,
) -> str:
    """Return the page as HTML that holds all it needs.

    Args:
        marts: the warehouse.
        pictures: the lake's pictures; those that are missing there are left out.
        asked: which part of the warehouse.
        library: the script that draws charts.
        made_at: what the page says of when it was made.

    Raises:
        ApiError: the warehouse does not answer, or has no such channel or product.
    """
    report = await read_report(marts, asked)
    sources = await _sources(marts, pictures, report)
    style = STYLE.content.decode()
    scripts = [_inlined(library), _inlined(SCRIPT.content)]
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(_hash_of(script) for script in scripts),
            f"style-src {_hash_of(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    frame = Frame(
        # The project's own files, and no text from the warehouse.
        style=Markup(style),  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        is_export=True,
        policy=policy,
        made_at=f"{made_at.day} {made_at:%b %Y, %H:%M} UTC",
    )
    return render_page(frame, asked, report, sources.get)


def write_whole(page: str, file: Path) -> None:
    """Write a file that is there whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as opened:
            opened.write(page)
        # As any other file that this user makes, and not as a secret one.
        mask = os.umask(0)
        os.umask(mask)
        unfinished.chmod(0o666 & ~mask)
        unfinished.replace(file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


async def _sources(marts: QueryRunner, pictures: Pictures, report: Report) -> Mapping[str, str]:
    sources: dict[str, str] = {}
    for sha256 in {sha for of_kind in report.examples.values() for sha, _ in of_kind}:
        found = await marts.fetch(queries.FIND_IMAGE, {"image_sha256": sha256})
        paths = [row["image_path"] for row in found]
        try:
            small = await to_thread.run_sync(pictures.shrink, sha256, paths)
        except (UnknownImageError, ImagesUnreachableError):
            continue
        sources[sha256] = f"data:image/jpeg;base64,{base64.b64encode(small).decode()}"
    return sources


def _inlined(script: bytes) -> str:
    """Return a script as it may stand in a page: nothing in its texts ends the element early."""
    return script.decode().replace("</script", r"<\/script").replace("<!--", r"<\!--")


def _hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
