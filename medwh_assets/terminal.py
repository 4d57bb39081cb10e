"""What the terminal shows: stages going by, import summaries, the report, failures at the end.

On a terminal stages are bars; piped into a file or a CI log they are one line each, and a line
every few seconds in between. Only strings and numbers arrive here, nothing is looked up.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from medwh_assets.demo import Removal
from medwh_assets.detection.training import Trained
from medwh_assets.detection.training_report import seed_rows
from medwh_assets.doctor import Finding
from medwh_assets.outcomes import Done, Outcome
from medwh_assets.slices import Slice
from medwh_assets.stage_runner import DBT_STAGE, RunResult
from medwh_assets.warehouse.report import Report

_LINE_EVERY_SECONDS = 10
_LISTED_QUARANTINE = 20
_LISTED_FAILURES = 20


class StageDisplay:
    """Shows stages as they go by; a `stage_runner.Watcher`."""

    def __init__(self, console: Console) -> None:
        """Decide between bars and lines by what the console is."""
        self._console = console
        self._bars = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<24}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )
        self._task: TaskID | None = None
        self._done: set[Slice] = set()
        self._total = 0
        self._spoke = 0.0
        self._stage = ""
        self._waits = False
        self._line = ""

    def __enter__(self) -> Self:
        """Begin; nothing is shown yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal its cursor back, also after an error in the middle of a stage."""
        if self._bars is not None:
            self._bars.stop()

    def stage(self, name: str, total: int) -> None:
        """A stage begins."""
        self._done, self._stage, self._line = set(), name, ""
        self._total, self._spoke = total, time.monotonic()
        if not total:
            return
        if self._bars is None:
            self._console.print(f"{name}: {total} {_unit(name)} …")
        else:
            self._bars.start()
            # dbt tells nothing of its steps here, so its bar only turns.
            shown = None if name == DBT_STAGE else total
            self._task = self._bars.add_task(name, total=shown, unit=_unit(name))

    def advance(self, stage: str, outcome: Outcome) -> None:
        """One slice ended."""
        # A slice that is tried again counts once.
        self._done.add(outcome.slice)
        if isinstance(outcome, Done) and outcome.line:
            self._line = outcome.line
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=len(self._done))
        elif time.monotonic() - self._spoke > _LINE_EVERY_SECONDS:
            self._spoke = time.monotonic()
            self._console.print(f"{stage}: {len(self._done)} of {self._total}")

    def waiting(self, seconds: float, why: str) -> None:
        """A source waits; on a terminal its seconds are counted down."""
        if self._bars is not None and self._task is not None:
            said = f"{why}: {seconds:,.0f} s" if seconds else _unit(self._stage)
            self._bars.update(self._task, unit=said)
        elif seconds and not self._waits:
            self._console.print(f"{why}: {seconds:,.0f} s")
        self._waits = bool(seconds)

    def finished(self, name: str, seconds: float, failed: int) -> None:
        """The stage ended, and this many of what it had to do failed."""
        # A first try finds out only on its way how many slices it reads.
        self._total = max(self._total, len(self._done))
        if self._bars is not None and self._task is not None:
            self._bars.remove_task(self._task)
            self._bars.stop()
            self._task = None
        mark = "[red]✗[/]" if failed else "[green]✓[/]"
        if not self._total:
            said = (
                f"[red]✗[/] {name:<24} failed" if failed else f"[dim]· {name:<24} nothing to do[/]"
            )
            self._console.print(said)
            return
        how_many = "" if name == DBT_STAGE else f"{failed} "
        ending = f", [red]{how_many}failed[/]" if failed else ""
        self._console.print(
            f"{mark} {name:<24} {self._total:>6} {_unit(name)} in {seconds:6.1f} s{ending}"
        )
        if self._line:
            self._console.print(f"  [dim]{escape(self._line)}[/]", soft_wrap=True)


class DownloadDisplay:
    """Shows a download go by: a bar on a terminal, nothing elsewhere."""

    def __init__(self, console: Console) -> None:
        """Prepare the bar."""
        self._bar = Progress(
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        """Begin."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal its cursor back."""
        self._bar.stop()

    def advance(self, done: int, total: int) -> None:
        """So many bytes are here; 0 in all means that nobody knows."""
        self._bar.update(self._task, completed=done, total=total or None)


def _unit(stage: str) -> str:
    return "loads" if stage == DBT_STAGE else "slices"


def show_failures(console: Console, result: RunResult) -> None:
    """List what failed, where and why, in words."""
    if result.ok:
        return
    console.print(f"\n[bold red]{len(result.failures)} failed[/]; everything else is done:")
    listed: Counter[str] = Counter()
    for stage, what, reason in result.failures:
        listed[stage] += 1
        if listed[stage] <= _LISTED_FAILURES:
            indented = reason.replace("\n", "\n    ")
            console.print(
                f"  [red]✗[/] {escape(stage)} {escape(what)}\n    {escape(indented)}",
                soft_wrap=True,
            )
    for stage, count in listed.items():
        if count > _LISTED_FAILURES:
            console.print(
                f"  and {count - _LISTED_FAILURES} more of {escape(stage)}: all of them stand in "
                "logs/medwh.log in the state folder"
            )


def show_cooldown(console: Console, result: RunResult) -> None:
    """Say until when Telegram wants to be left alone, if it does."""
    if result.cooling_down_until is not None:
        console.print(
            f"\n[bold yellow]Cooling down[/] until {result.cooling_down_until:%Y-%m-%d %H:%M} UTC, as "
            "Telegram asked. What was read is kept; run [bold]medwh run[/] again then, it goes on "
            "where it was cut off.",
            soft_wrap=True,
        )


def show_not_live(console: Console, result: RunResult) -> None:
    """Say which channels were not read live, and what to do about it."""
    if result.not_live:
        console.print(
            f"\n[bold yellow]Not read live:[/] {escape(result.not_live)}. What lies in the lake was "
            "worked on.",
            soft_wrap=True,
        )


def show_report(
    console: Console,
    report: Report | None,
    quarantined: Sequence[tuple[str, str, str, str]],
    result: RunResult | None,
) -> None:
    """Print what the marts hold, what is in the quarantine, and where the time went."""
    console.print()
    if report is None:
        console.print("The marts have not been built yet: run [bold]medwh run[/] first.")
        return
    totals = report.totals
    console.print(
        f"[bold]{totals['posts']:,} posts[/] of {totals['channels']} channels on {totals['days']:,} days, "
        f"[bold]{totals['images']:,} images[/] ({totals['distinct_images']:,} different), "
        f"[bold]{totals['detections']:,} detections[/]"
    )
    _rows(console, "Channels", ("channel", "posts", "images", "first", "last"), report.channels)
    _rows(console, "Detections per class", ("class", "role", "detections", "posts"), report.classes)
    _rows(
        console,
        "Top products, by what the pictures show",
        ("class", "detections", "posts"),
        report.products,
    )
    _rows(console, "Pictures", ("category", "posts", "average views"), report.categories)
    if quarantined:
        console.print(f"[yellow]{len(quarantined)} in the quarantine:[/]")
        for kind, channel, name, reason in quarantined[:_LISTED_QUARANTINE]:
            console.print(
                f"  {escape(kind)}/{escape(channel)}/{escape(name)}: {escape(reason)}",
                soft_wrap=True,
            )
        if len(quarantined) > _LISTED_QUARANTINE:
            console.print(
                f"  and {len(quarantined) - _LISTED_QUARANTINE} more under quarantine/ in the lake"
            )
    else:
        console.print("Nothing is in the quarantine.")
    if result is not None:
        stages = [(stage.name, stage.slices, f"{stage.seconds:.1f}") for stage in result.stages]
        _rows(console, "Time", ("stage", "done", "seconds"), stages)


def show_removal(console: Console, removal: Removal) -> None:
    """Say what was taken out."""
    console.print(
        f"Removed {removal.slices} slices, {removal.images} image files and {removal.rows:,} rows of the "
        f"sample, and the partitions of {removal.channels} channels."
    )


def show_training(console: Console, trained: Trained) -> None:
    """Print how good a trained model is, and how to use it."""
    result = trained.result
    table = Table(box=None)
    for column in ("class", "labels", "mAP50", "mAP50-95"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for one in result.classes:
        measured = (one.map50, one.map50_95)
        numbers = ("–" if value is None else f"{value:.3f}" for value in measured)
        table.add_row(escape(one.name), str(one.labels), *numbers)
    table.add_row("all", "", f"{result.map50:.3f}", f"{result.map50_95:.3f}", style="bold")
    console.print()
    console.print(table)
    for line in trained.left_out[:_LISTED_FAILURES]:
        console.print(f"[yellow]left out[/] {escape(line)}", soft_wrap=True)
    if len(trained.left_out) > _LISTED_FAILURES:
        console.print(f"and {len(trained.left_out) - _LISTED_FAILURES} more, in the report")
    console.print(f"\nreport   {escape(str(trained.report))}", soft_wrap=True)
    console.print(f"weights  {escape(str(trained.weights))}", soft_wrap=True)
    console.print("\nTo use them, set")
    console.print(f"  MEDWH_YOLO_WEIGHTS={trained.weights}", markup=False, soft_wrap=True)
    console.print(f"  MEDWH_YOLO_IMAGE_SIZE={result.image_size}", markup=False)
    console.print(
        "and say what each class counts as: put a class of warehouse_classes.csv for CLASS, and add "
        "these rows to medwh_dbt/seeds/detected_classes.csv (a class without a row counts as what "
        "the row for `*` says, else as other):",
        markup=False,
    )
    console.print(seed_rows(result.name, result.classes), markup=False, soft_wrap=True)
    console.print("\nThen [bold]medwh run --full-refresh[/]")


def show_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Print what the doctor found, each with its fix."""
    marks = {"ok": "[green]✓[/]", "note": "[yellow]·[/]", "missing": "[red]✗[/]"}
    for finding in findings:
        console.print(
            f"{marks[finding.level]} {finding.subject:<14} {escape(finding.text)}", soft_wrap=True
        )


def _rows(
    console: Console, title: str, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Print a table whose first column is a name and whose others are numbers."""
    rows = list(rows)
    if not rows:
        console.print(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*(escape(_shown(value)) for value in row))
    console.print(table)


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)
