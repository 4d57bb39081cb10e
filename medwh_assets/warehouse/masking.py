"""What posts said before, without phone numbers: the texts of their versions.

They stand beside the record in `raw`, in its order, because a mart may hold no phone number and
masking is no work for SQL.
"""

from collections.abc import Sequence

from medwh_assets.phones import mask_phones
from medwh_assets.warehouse.connection import Connection
from medwh_assets.warehouse.statements import statement

# So many posts are held in memory at once.
_BATCH = 1000


def masked_versions(texts: Sequence[str | None]) -> list[str | None] | None:
    """Return the texts of a post's versions with phone numbers masked; None if it has none."""
    return [text and mask_phones(text) for text in texts] or None


def fill_in_versions(connection: Connection) -> None:
    """Mask the versions of posts that were loaded before there was a place for them.

    Needs no lake and touches no ledger: models that read the new column are other models than those
    of the build before, so the next build makes all of them anew.

    Args:
        connection: the owner's, inside a transaction.
    """
    with connection.cursor(name="unmasked") as unmasked, connection.cursor() as masked:
        unmasked.execute(statement("setup/unmasked_versions.sql"))
        while posts := unmasked.fetchmany(_BATCH):
            masked.executemany(
                statement("setup/fill_in_versions.sql"),
                [
                    {"channel": channel, "message_id": number, "versions": masked_versions(texts)}
                    for channel, number, texts in posts
                ],
            )
