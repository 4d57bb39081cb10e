"""The event loop in a thread: nothing is left running when it is closed."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

import pytest

from medwh_assets.telegram.loop import LoopThread

Stubborn = Callable[[list[str]], Coroutine[None, None, None]]


async def swallows_a_cancellation(ended: list[str]) -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("first")


async def begins_another_when_cancelled(ended: list[str]) -> None:
    async def another() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("another")

    try:
        await asyncio.Event().wait()
    finally:
        # Held by the loop alone, as Telethon's reconnecting is.
        asyncio.get_running_loop().create_task(another())
        await asyncio.sleep(0)
        ended.append("first")


@pytest.mark.parametrize(
    ("task", "expected"),
    [(swallows_a_cancellation, ["first"]), (begins_another_when_cancelled, ["another", "first"])],
)
def test_closing_leaves_no_task_behind(task: Stubborn, expected: list[str]) -> None:
    loop, ended = LoopThread("test"), list[str]()

    async def begin() -> None:
        asyncio.get_running_loop().create_task(task(ended))
        await asyncio.sleep(0)

    loop.run(begin())
    loop.close()
    assert sorted(ended) == expected
