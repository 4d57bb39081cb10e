"""What is told of a run: figures, class counts, and a few pictures with their boxes."""

import heapq
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from medwh_assets.detection.slices import DetectionCounts
from medwh_assets.detection.thumbnails import thumbnail
from medwh_assets.errors import ImageError
from medwh_assets.lake.ports import Detector
from medwh_assets.lake.records import DetectionRecord

_PICTURES: Final = 6
_CLASSES: Final = 20


class RunSummary:
    """Adds up what a run does. Begins to count seconds when it is made."""

    def __init__(self) -> None:
        """Begin."""
        self._started = time.monotonic()
        self._images = self._inferred = self._failed = self._boxes = 0
        self._classes: Counter[str] = Counter()
        self._classes_images: Counter[str] = Counter()
        # Those on which most is seen, of each content one.
        self._best: list[tuple[int, int, str, DetectionRecord]] = []

    def add(self, records: Sequence[DetectionRecord], counts: DetectionCounts) -> None:
        """Add a slice."""
        self._images += counts.images
        self._inferred += counts.inferred
        self._failed += counts.failed
        self._boxes += counts.boxes
        for record in records:
            seen = Counter(box.detected_class for box in record.boxes)
            self._classes += seen
            self._classes_images.update(seen.keys())
            known = any(entry[2] == record.image_sha256 for entry in self._best)
            if seen and not known:
                entry = (len(seen), len(record.boxes), record.image_sha256, record)
                if len(self._best) < _PICTURES:
                    heapq.heappush(self._best, entry)
                else:
                    heapq.heappushpop(self._best, entry)

    def line(self, detector: Detector) -> str:
        """Return all of it in one line, or nothing where there were no images."""
        if not self._images:
            return ""
        failed = f", {self._failed:,} failed" if self._failed else ""
        done = f"{self._images:,} images, {self._reused:.0%} reused{failed}"
        if not self._inferred:
            return f"{done}; no model was needed"
        return f"{done}, {self._images / self._seconds:,.0f} images/s; {detector.engine}"

    def told(self, detector: Detector, read_bytes: Callable[[str], bytes]) -> dict[str, str]:
        """Return the same at length: titles, and texts in Markdown.

        Args:
            detector: who looked.
            read_bytes: returns the bytes at an image's path in the lake.
        """
        if not self._images:
            return {}
        engine = detector.engine if self._inferred else "none was needed"
        figures = [
            ("images of posts", f"{self._images:,}"),
            ("looked at", f"{self._inferred:,}"),
            ("share reused", f"{self._reused:.1%}"),
            ("failed", f"{self._failed:,}"),
            ("boxes", f"{self._boxes:,}"),
            ("images/s", f"{self._images / self._seconds:,.1f}"),
            ("engine", engine),
        ]
        told = {"this run": _table(("", ""), figures)}
        if self._classes:
            rows = [
                (name, f"{count:,}", f"{self._classes_images[name]:,}")
                for name, count in self._classes.most_common(_CLASSES)
            ]
            told["classes"] = _table(("class", "boxes", "images"), rows)
        if pictures := self._pictures(read_bytes):
            told["pictures"] = pictures
        return told

    def _pictures(self, read_bytes: Callable[[str], bytes]) -> str:
        """Return a few pictures with their boxes, inside the text."""
        drawn: list[str] = []
        for *_, record in sorted(self._best, key=lambda entry: entry[:3], reverse=True):
            try:
                content = thumbnail(read_bytes(record.image_path), record.boxes)
            except (OSError, ImageError):
                # It was there when it was looked at; the run does not fail for a picture of it.
                continue
            encoded = b64encode(content).decode()
            drawn.append(f"![{_cell(record.image_path)}](data:image/jpeg;base64,{encoded})")
        return "\n\n".join(drawn)

    @property
    def _reused(self) -> float:
        """The share of images for which nothing had to be looked at."""
        return (self._images - self._inferred - self._failed) / self._images

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self._started, 0.001)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    """Keep a name of a model's class from being Markdown of its own."""
    return "".join(
        f"\\{character}" if character in "\\|[]()<>*_`!#&" else character
        for character in " ".join(text.split())
    )
