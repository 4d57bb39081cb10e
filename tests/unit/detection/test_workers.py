import threading
from collections.abc import Iterator

import pytest

from medwh_assets.detection.workers import answer_all, default_workers


def numbered(count: int) -> Iterator[tuple[int, bytes]]:
    for number in range(count):
        yield number, str(number).encode()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_image_is_answered_once(workers: int) -> None:
    answers = list(answer_all(numbered(40), int, workers))

    assert sorted(answers) == [(number, number) for number in range(40)]


def test_no_images_are_no_answers() -> None:
    assert list(answer_all(numbered(0), int, 2)) == []


def test_workers_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)

    answers = list(answer_all(numbered(4), lambda image: both.wait() >= 0, 2))

    assert [answer for _, answer in answers] == [True] * 4


def test_images_are_read_only_a_few_ahead_of_the_answers() -> None:
    read = 0

    def images() -> Iterator[tuple[int, bytes]]:
        nonlocal read
        for item in numbered(1000):
            read += 1
            yield item

    for answered, _ in enumerate(answer_all(images(), int, 2), start=1):
        assert read <= answered + 6


def test_an_error_that_is_no_answer_comes_out() -> None:
    def answer(image: bytes) -> int:
        if image == b"3":
            raise LookupError("three")
        return int(image)

    with pytest.raises(LookupError, match="three"):
        list(answer_all(numbered(10), answer, 2))


def test_closing_early_leaves_no_thread_behind_and_drops_what_waits() -> None:
    answered: list[bytes] = []
    answers = answer_all(numbered(1000), answered.append, 2)

    next(answers)
    answers.close()

    assert len(answered) <= 6
    assert not [t for t in threading.enumerate() if t.name.startswith("detect")]


def test_an_interrupt_on_the_callers_side_ends_the_workers() -> None:
    def images() -> Iterator[tuple[int, bytes]]:
        yield 0, b"0"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(answer_all(images(), int, 2))

    assert not [t for t in threading.enumerate() if t.name.startswith("detect")]


def test_there_is_at_least_one_worker() -> None:
    assert 1 <= default_workers() <= 16
