"""dbt that ends when the process that started it is gone: the `medwh-dbt` command.

A run that is killed with -9 cannot stop its dbt, and a dbt that goes on would write into marts that
the next run is building. So dbt runs here, in a process that looks for its parent.
"""

import os
import sys
import threading
import time

_LOOK_EVERY_SECONDS = 0.2


def main() -> None:
    """Run dbt's command line; end at once, without a commit, if the parent process is gone."""
    parent = os.getppid()
    threading.Thread(target=_end_without, args=(parent,), daemon=True).start()
    from dbt.cli.main import cli

    sys.argv[0] = "dbt"
    cli()


def _end_without(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_SECONDS)
    os._exit(1)
