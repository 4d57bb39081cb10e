import io
from datetime import date

from rich.console import Console

from medwh_assets.outcomes import Done, Failed
from medwh_assets.slices import Slice
from medwh_assets.stage_runner import RunResult
from medwh_assets.terminal import StageDisplay, show_failures

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
