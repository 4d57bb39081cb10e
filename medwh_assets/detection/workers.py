"""Worker threads for images: a few in flight, answers as soon as they are there."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final, TypeVar

K = TypeVar("K")
T = TypeVar("T")

# Per worker: one image under its eyes, two waiting.
_IN_FLIGHT: Final = 3
# Python's own part of a prediction is about 5 of 80 ms, so more threads only wait for each other.
_MOST_WORKERS: Final = 16


def default_workers() -> int:
    """Return how many workers this process should have: as many as it may use cores, at most 16."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST_WORKERS)
    return min(os.cpu_count() or 1, _MOST_WORKERS)


def answer_all(
    images: Iterable[tuple[K, bytes]], answer: Callable[[bytes], T], workers: int
) -> Generator[tuple[K, T], None, None]:
    """Answer every image on worker threads; answers come as they are ready, in any order.

    `images` is read on the caller's thread, a few images ahead of the answers, so that neither
    side's memory grows. An exception of `answer` comes out here. Closing the iterator, or Ctrl-C,
    waits for the images under the workers' eyes and drops those that wait.

    Yields:
        An image's key and its answer.
    """
    keys: dict[Future[T], K] = {}
    pool = ThreadPoolExecutor(workers, thread_name_prefix="detect")
    try:
        for key, image in images:
            keys[pool.submit(answer, image)] = key
            while len(keys) >= _IN_FLIGHT * workers:
                yield from _finished(keys)
        while keys:
            yield from _finished(keys)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(keys: dict[Future[T], K]) -> Iterator[tuple[K, T]]:
    done, _ = wait(keys, return_when=FIRST_COMPLETED)
    for future in done:
        yield keys.pop(future), future.result()
