from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medwh_assets.telegram.pacing import CoolDown, Pacer, Wait, after_flood, next_tick
from tests.factories import NOON


def test_the_first_request_goes_at_once_and_the_next_keep_their_distance() -> None:
    pacer = Pacer(per_second=2)
    assert [pacer.reserve(100.0) for _ in range(4)] == [0, 0.5, 1.0, 1.5]


def test_a_rest_is_not_saved_up() -> None:
    pacer = Pacer(per_second=1)
    pacer.reserve(0)
    assert [pacer.reserve(60) for _ in range(3)] == [0, 1, 2]


def test_a_burst_may_go_out_together_after_a_rest() -> None:
    pacer = Pacer(per_second=1, burst=3)
    assert [pacer.reserve(0) for _ in range(5)] == [0, 0, 0, 1, 2]


def test_slow_answers_do_not_slow_the_pace_down() -> None:
    pacer = Pacer(per_second=1)
    assert [pacer.reserve(now) for now in (0, 0.8, 1.9, 2.5)] == pytest.approx([0, 0.2, 0.1, 0.5])


@given(st.lists(st.floats(0, 10), max_size=60), st.sampled_from([0.5, 1.0, 7.0]), st.integers(1, 5))
def test_no_second_holds_more_requests_than_allowed(
    rests: list[float], per_second: float, burst: int
) -> None:
    pacer, now = Pacer(per_second, burst), 0.0
    sent: list[float] = []
    for rest in rests:
        now += rest
        sent.append(now + pacer.reserve(now))
    for n in range(len(sent)):
        for later in range(n, len(sent)):
            assert later - n + 1 <= (sent[later] - sent[n]) * per_second + burst + 1e-6


def test_a_wait_of_up_to_fifteen_minutes_is_sat_out() -> None:
    assert after_flood(5, 0, NOON) == Wait(5)
    assert after_flood(900, 0, NOON) == Wait(900)


def test_a_longer_wait_is_a_cooldown() -> None:
    assert after_flood(901, 0, NOON) == CoolDown(NOON + timedelta(seconds=901))


def test_waits_for_one_answer_add_up() -> None:
    assert after_flood(30, 870, NOON) == Wait(30)
    assert after_flood(30, 871, NOON) == CoolDown(NOON + timedelta(seconds=30))


def test_a_wait_of_nothing_is_a_second() -> None:
    assert after_flood(0, 0, NOON) == Wait(1)


@given(st.floats(0.01, 1000))
def test_a_countdown_comes_to_its_end(seconds: float) -> None:
    left, ticks = seconds, 0
    while left > 1e-6:
        tick = next_tick(left)
        assert 0 < tick <= min(15, left)
        left, ticks = left - tick, ticks + 1
    assert ticks <= seconds / 15 + 63
