"""What checks look at: counts out of `raw`, marts and `ops`; and where their verdicts are kept."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from medwh_assets.verdicts import ChannelFreshness, Noted, UnequalSlice
from medwh_assets.warehouse.connection import Role, database_errors
from medwh_assets.warehouse.from_lake import Connector
from medwh_assets.warehouse.statements import statement


class WarehouseCheckFacts:
    """Counts out of the warehouse; every call is a connection of its own.

    Args:
        warehouse: where the tables are.
    """

    def __init__(self, warehouse: Connector) -> None:
        """Remember the place; nothing is opened."""
        self._warehouse = warehouse

    def unequal_in_raw(self, most: int) -> list[UnequalSlice]:
        """Return slices of which lake, ledger and `raw` do not say the same."""
        rows = self._rows("checks/unequal_in_raw.sql", {"most": most})
        return [
            UnequalSlice(channel, day, {"lake": lake, "loaded": loaded, "raw": raw}, slices)
            for channel, day, lake, loaded, raw, slices in rows
        ]

    def waiting_in_lake(self) -> int:
        """Count the slices that lie in the lake otherwise than they were loaded."""
        return int(self._rows("checks/waiting_in_lake.sql")[0][0])

    def unequal_in_marts(self, most: int) -> list[UnequalSlice] | None:
        """Return built slices of which `raw` and marts do not say the same; None without marts."""
        # Loaders may not read marts; whoever builds them may read all.
        if not self._rows("checks/facts_exist.sql", role="medwh_transformer")[0][0]:
            return None
        rows = self._rows("checks/unequal_in_marts.sql", {"most": most}, "medwh_transformer")
        return [
            UnequalSlice(channel, day, {"raw": raw, "marts": facts}, slices)
            for channel, day, raw, facts, slices in rows
        ]

    def orphans(self) -> list[tuple[str, date, int]]:
        """Return how many pictures of which slices have no post."""
        rows = self._rows("checks/orphans.sql")
        return [(channel, day, pictures) for channel, day, pictures in rows]

    def without_post(self, pictures: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Return those of pictures, named by channel and message, that have no post."""
        values = {
            "channels": [channel for channel, _ in pictures],
            "message_ids": [message_id for _, message_id in pictures],
        }
        return [
            (channel, number) for channel, number in self._rows("checks/without_post.sql", values)
        ]

    def drift(self, known: Collection[str], loads: int) -> dict[str, int]:
        """Return what the newest records hold besides what is known, and in how many of them."""
        values = {"known": sorted(known), "loads": loads}
        return dict(self._rows("checks/drift.sql", values))

    def posts(self) -> int:
        """Count the posts in `raw`."""
        return int(self._rows("checks/count_posts.sql")[0][0])

    def freshness(self) -> list[ChannelFreshness]:
        """Return how late every channel is."""
        return [ChannelFreshness(*row) for row in self._rows("checks/freshness.sql")]

    def set_deadlines(self, deadlines: Mapping[str, tuple[timedelta, timedelta]]) -> None:
        """Keep which channels are live, and after what age each is late and overdue."""
        with (
            self._warehouse.connect("medwh_loader") as connection,
            database_errors(),
            connection.transaction(),
        ):
            connection.execute(
                statement("checks/drop_deadlines.sql"), {"channels": sorted(deadlines)}
            )
            for channel, (warn, fail) in sorted(deadlines.items()):
                values = {
                    "channel": channel,
                    "warn": warn.total_seconds(),
                    "fail": fail.total_seconds(),
                }
                connection.execute(statement("checks/set_deadline.sql"), values)

    def note(self, results: Sequence[Noted]) -> None:
        """Keep how checks ended."""
        if not results:
            return
        rows = [
            {
                "asset": one.asset,
                "check_name": one.check_name,
                "passed": one.verdict.passed,
                "severity": one.verdict.severity,
                "is_blocking": one.is_blocking,
                "description": one.verdict.description,
                "details": json.dumps(dict(one.verdict.details), ensure_ascii=False),
            }
            # Always in one order, or two who keep the same at once would wait for each other.
            for one in sorted(results, key=lambda one: (one.asset, one.check_name))
        ]
        with (
            self._warehouse.connect("medwh_loader") as connection,
            database_errors(),
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            cursor.executemany(statement("checks/note.sql"), rows)

    def _rows(
        self,
        name: str,
        values: Mapping[str, Any] | None = None,
        role: Role = "medwh_loader",
    ) -> list[tuple[Any, ...]]:
        with self._warehouse.connect(role) as connection, database_errors():
            return connection.execute(statement(name), values).fetchall()
