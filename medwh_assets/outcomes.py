"""How work on one slice ended: in plain words, for the UI, the terminal and the tests alike."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from medwh_assets.errors import MedwhError
from medwh_assets.slices import Slice, day_runs

Number = int | float | str


@dataclass(frozen=True, slots=True)
class Done:
    """A slice's stage is done.

    Attributes:
        slice: which.
        counts: become metadata and the report's sums.
        of_run: what is to be told of the run as a whole, on one slice of it: titles, and texts in
            Markdown.
        line: the same in one line, for the terminal.
    """

    slice: Slice
    counts: Mapping[str, Number] = field(default_factory=dict[str, Number])
    of_run: Mapping[str, str] = field(default_factory=dict[str, str])
    line: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A slice's stage failed; every other slice went on."""

    slice: Slice
    error: Exception

    @property
    def reason(self) -> str:
        """One line for the list at the end."""
        if isinstance(self.error, MedwhError):
            return str(self.error)
        return f"{type(self.error).__name__}: {self.error}"


Outcome = Done | Failed


def by_reason(failed: Iterable[Failed]) -> list[tuple[str, str]]:
    """Tell each reason once, with all the slices that failed for it, in words."""
    slices: dict[str, list[Slice]] = {}
    for outcome in failed:
        slices.setdefault(outcome.reason, []).append(outcome.slice)
    return [(_named(pieces), reason) for reason, pieces in slices.items()]


def _named(slices: list[Slice]) -> str:
    if len(slices) == 1:
        return str(slices[0])
    runs = day_runs(slices)
    if len(runs) == 1:
        return f"{runs[0]} ({len(slices)} days)"
    return f"{len(slices)} slices of {', '.join(sorted({run.channel for run in runs}))}"


def each_slice(
    slices: Iterable[Slice], work: Callable[[Slice], Mapping[str, Number]]
) -> Iterator[Outcome]:
    """Do the same work on every slice; what goes wrong with one stays with that one."""
    for piece in slices:
        try:
            yield Done(piece, work(piece))
        except Exception as error:  # noqa: BLE001 - it is reported, and the other slices go on
            yield Failed(piece, error)
