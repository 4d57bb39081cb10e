"""From a path that somebody typed to a survey: archives are unpacked for as long as they are needed."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from medwh_assets.imports.archive import is_archive, sweep, unpacked
from medwh_assets.imports.chat_names import Asked
from medwh_assets.imports.intake import Watcher
from medwh_assets.imports.survey import Archive, Survey, survey
from medwh_assets.lake.store import Lake

_FOLDER = "imports"


def working_folder(state: Path) -> Path:
    """Return the folder below the state folder where imports keep what they need for a while."""
    return state.expanduser().resolve() / _FOLDER


@contextmanager
def opened(
    path: Path, lake: Lake, state: Path, chats: Asked, watcher: Watcher
) -> Generator[Survey]:
    """Look at a file, a folder or an archive, and keep it open for the import.

    Args:
        path: what to import.
        lake: what it will go to; tells channels by Telegram's id.
        state: archives are unpacked below it, and nothing of them stays.
        chats: names of `--chat`, of chats, titles and files, and the channels that they give.
        watcher: is shown how far the unpacking is.

    Raises:
        ImportShapeError: the path holds nothing that medwh knows, or an archive is hostile.
    """
    folder = working_folder(state)
    sweep(folder)
    if not is_archive(path):
        yield survey(path, chats=chats, known=lake.channel_ids(), lake=lake.root)
        return
    watcher.stage("unpacking", 0)
    with unpacked(path, folder, progress=lambda files, _: watcher.advance(files)) as inside:
        archive = Archive(path, inside)
        yield survey(
            inside.root, chats=chats, known=lake.channel_ids(), lake=lake.root, archive=archive
        )
