"""Reading what posts say, over posts with real shares of repeats, and over texts that never repeat."""

import gc
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import SecretStr

from medwh_assets.extraction.post import Extractor
from medwh_assets.extraction.vocabulary import load_vocabulary
from tests.bench.generated_posts import SEEDS, generate
from tests.bench.measured import Measured

POSTS = 100_000
DISTINCT = 5_000


def measure(folder: Path) -> Iterator[Measured]:
    """Read on one core; seconds are of this process, so that a busy machine does not count."""
    texts = [post.text for post in generate(POSTS)]
    distinct = list(dict.fromkeys(texts))
    lines = sum(text.count("\n") + 1 for text in texts) / len(texts)
    how = f"{POSTS:,} generated posts, {len(distinct):,} distinct texts, {lines:.0f} lines each"
    yield Measured("read what posts say", _rate(texts), "posts/s", how)
    yield Measured(
        "read what posts say", _rate(distinct[:DISTINCT]), "posts/s",
        f"{DISTINCT:,} texts, none of them twice, nothing remembered",
    )  # fmt: skip


def _rate(texts: Sequence[str]) -> float:
    extractor = Extractor(load_vocabulary(SEEDS), SecretStr("a pepper for the bench"))
    gc.collect()
    started = time.process_time()
    for text in texts:
        extractor.extract(text)
    return len(texts) / (time.process_time() - started)
