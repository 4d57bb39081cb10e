import io
import time
from datetime import UTC, date, datetime

from rich.console import Console

from medwh_assets.outcomes import Done, Failed
from medwh_assets.session import tell_not_live
from medwh_assets.slices import Slice
from medwh_assets.stage_runner import RunResult
from medwh_assets.terminal import StageDisplay, show_cooldown, show_failures, show_not_live

PIECE = Slice("alpha", date(2025, 3, 1))


def piped() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=120, highlight=False), text


def test_a_slice_that_is_tried_again_and_done_has_not_failed() -> None:
    console, text = piped()
    with StageDisplay(console) as display:
        display.stage("raw/telegram_messages", 1)
        display.advance("raw/telegram_messages", Failed(PIECE, OSError("for now")))
        display.advance("raw/telegram_messages", Done(PIECE))
        display.finished("raw/telegram_messages", 0.1, 0)
    assert "✓ raw/telegram_messages" in text.getvalue()
    assert "failed" not in text.getvalue()


def test_what_is_told_of_a_stage_as_a_whole_stands_below_it() -> None:
    console, text = piped()
    with StageDisplay(console) as display:
        display.stage("lake/yolo_detections", 1)
        display.advance("lake/yolo_detections", Done(PIECE, line="75% reused; [OpenVINO]"))
        display.finished("lake/yolo_detections", 0.1, 0)
        display.stage("dbt", 1)
        display.finished("dbt", 0.1, 0)
    assert text.getvalue().count("75% reused; [OpenVINO]") == 1


def test_a_stage_that_failed_is_never_ticked() -> None:
    console, text = piped()
    display = StageDisplay(console)
    for name, total in (("dbt", 8), ("lake/yolo_detections", 0)):
        display.stage(name, total)
        display.finished(name, 0.1, 1)
    assert "✗ dbt" in text.getvalue()
    assert "✗ lake/yolo_detections" in text.getvalue()
    assert "✓" not in text.getvalue()


def test_an_error_in_the_middle_of_a_stage_gives_the_cursor_back() -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=80)
    try:
        with StageDisplay(console) as display:
            display.stage("dbt", 1)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert text.getvalue().rfind("\x1b[?25h") > text.getvalue().rfind("\x1b[?25l")


def test_a_long_list_of_failures_is_cut_and_says_where_the_rest_is() -> None:
    console, text = piped()
    failures = [("raw/telegram_messages", f"alpha|{n}", "[b]bad[/b]") for n in range(500)]
    show_failures(console, RunResult(failures=failures))
    assert "500 failed" in text.getvalue()
    assert "and 480 more" in text.getvalue()
    assert "[b]bad[/b]" in text.getvalue()


def test_a_wait_is_one_line_in_a_log_and_counted_down_on_a_terminal() -> None:
    why = "Telegram asks for a pause"
    console, text = piped()
    with StageDisplay(console) as display:
        display.stage("lake/telegram_messages", 1)
        for left in (20.0, 19.0, 0.0, 5.0, 0.0):
            display.waiting(left, why)
    assert text.getvalue().count(why) == 2

    terminal = io.StringIO()
    with StageDisplay(Console(file=terminal, force_terminal=True, width=120)) as display:
        display.stage("lake/telegram_messages", 1)
        display.waiting(20.0, why)
        time.sleep(0.3)
    assert "Telegram asks for a pause: 20 s" in terminal.getvalue()


def test_channels_that_are_not_read_live_are_told_even_if_nothing_failed() -> None:
    console, text = piped()
    show_not_live(console, RunResult())
    assert text.getvalue() == ""
    result = RunResult()
    tell_not_live(result, ["demo_shop"], "run `medwh login`", before=())
    show_not_live(console, result)
    assert "Not read live: demo_shop: run `medwh login`" in text.getvalue()
    assert result.ok


def test_channels_that_have_been_read_live_and_are_not_any_more_are_a_failure() -> None:
    result = RunResult()
    tell_not_live(result, ["demo_new", "demo_shop"], "run `medwh login`", before={"demo_shop"})
    ((_, what, why),) = result.failures
    assert what == "demo_shop: read live before, and not any more"
    assert why == "run `medwh login`"


def test_a_first_try_shows_how_many_slices_it_found() -> None:
    console, text = piped()
    with StageDisplay(console) as display:
        display.stage("lake/telegram_messages", 1)
        for day in (1, 2, 3):
            display.advance("lake/telegram_messages", Done(Slice("alpha", date(2025, 3, day))))
        display.finished("lake/telegram_messages", 0.1, 0)
    assert "3 slices" in text.getvalue()


def test_a_pause_that_telegram_asked_for_is_told_with_its_end_and_what_to_do() -> None:
    console, text = piped()
    show_cooldown(console, RunResult())
    assert text.getvalue() == ""
    until = datetime(2025, 3, 1, 14, 30, tzinfo=UTC)
    show_cooldown(console, RunResult(cooling_down_until=until))
    assert "2025-03-01 14:30 UTC" in text.getvalue()
    assert "medwh run" in text.getvalue()
