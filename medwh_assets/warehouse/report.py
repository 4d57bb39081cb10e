"""A short look into the marts, for the terminal. Everything else asks the API."""

from dataclasses import dataclass

from medwh_assets.warehouse.connection import Connection, database_errors
from medwh_assets.warehouse.statements import statement


@dataclass(frozen=True, slots=True)
class Report:
    """What the marts hold.

    Attributes:
        totals: posts, channels, days, images, distinct images and detections, by those names.
        channels: channel, posts, images, first and last day; most posts first.
        classes: detected class, its role, detections, posts; most detections first, at most 20.
        products: the five classes with most detections that are no persons; class, detections,
            posts.
        categories: image category, posts, average views where counters are known (None if nowhere).
    """

    totals: dict[str, int]
    channels: list[tuple[str, int, int, str, str]]
    classes: list[tuple[str, str, int, int]]
    products: list[tuple[str, int, int]]
    categories: list[tuple[str, int, int | None]]


def read_report(connection: Connection) -> Report | None:
    """Read the report, or None if the marts have never been built.

    Raises:
        DatabaseUnreachableError: the connection broke.
    """
    with database_errors():
        exist = connection.execute(statement("report/marts_exist.sql")).fetchone()
        if not exist or not exist[0]:
            return None
        cursor = connection.execute(statement("report/totals.sql"))
        names = [column.name for column in cursor.description or ()]
        return Report(
            totals=dict(zip(names, cursor.fetchone() or (), strict=True)),
            channels=connection.execute(statement("report/channels.sql")).fetchall(),
            classes=connection.execute(statement("report/detected_classes.sql")).fetchall(),
            products=connection.execute(statement("report/top_products.sql")).fetchall(),
            categories=connection.execute(statement("report/image_categories.sql")).fetchall(),
        )
