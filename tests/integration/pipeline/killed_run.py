"""A `medwh demo` that kills itself with -9 inside one stage: `killed_run.py <stage> <n>`.

In a stage of slices it dies when the n-th slice has ended; in dbt, when the n-th table of the build
is there.
"""

import os
import signal
import sys
import threading
import time

from medwh_assets.demo import sample_selection
from medwh_assets.outcomes import Outcome
from medwh_assets.session import Session, open_session


class Killer:
    """Watches the stages like the terminal does, and dies at the given moment."""

    def __init__(self, session: Session, stage: str, number: int) -> None:
        self._session, self._stage, self._left = session, stage, number

    def stage(self, name: str, total: int) -> None:
        if name == self._stage == "dbt":
            threading.Thread(target=self._die_in_dbt, daemon=True).start()

    def advance(self, stage: str, outcome: Outcome) -> None:
        if stage == self._stage:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)

    def finished(self, name: str, seconds: float, failed: int) -> None:
        if name == self._stage:
            sys.exit(f"{name} ended before the kill")

    def waiting(self, seconds: float, why: str) -> None:
        pass

    def _die_in_dbt(self) -> None:
        with self._session.warehouse.connect() as connection:
            while True:
                row = connection.execute(
                    "select count(*) from pg_tables where schemaname in ('staging', 'marts')"
                ).fetchone()
                if row and row[0] >= self._left:
                    os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(0.01)


if __name__ == "__main__":
    with open_session() as opened:
        opened.run(sample_selection(opened), Killer(opened, sys.argv[1], int(sys.argv[2])))
