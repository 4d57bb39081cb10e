"""Imports that are killed, interrupted or run twice at once: the lake is that of one whole import."""

import io
import random
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.factories import tree
from tests.integration.imports.conftest import TIMEOUT_SECONDS, Place
from tests.integration.imports.large_dumps import write_csv, write_desktop
from tests.unit.exports.made_lake import jpeg

# So many slices that writing them takes a while on any disk.
POSTS, A_DAY = 6_000, 10
CHAT = ("--chat", "1000000001=demo_shop")
INTERRUPTED = 130


def write_dump(folder: Path) -> Path:
    """An export of a channel, of many days."""
    folder.mkdir()
    return write_desktop(folder, range(1, POSTS + 1), A_DAY)


def write_lake_of_pictures(folder: Path, count: int = 1500) -> Path:
    """A scraped lake in which every post has a picture of its own."""
    posts = ",\n".join(
        f'{{"id": {n}, "date": "2025-03-{n % 28 + 1:02d}T12:00:00Z", "message": "post {n}"}}'
        for n in range(1, count + 1)
    )
    for name, content in (("telegram_messages/2025-07-11", f"[{posts}]"), ("images", None)):
        (folder / name).mkdir(parents=True)
        if content is not None:
            (folder / name / "demo_shop.json").write_text(content)
    pictures = folder / "images" / "demo_shop"
    pictures.mkdir()
    picture = jpeg("red")
    for number in range(1, count + 1):
        (pictures / f"{number}.jpg").write_bytes(picture + str(number).encode())
    return folder


def packed(folder: Path, archive: Path) -> Path:
    """Pack a folder in the order in which it would be packed by hand."""
    with tarfile.open(archive, "w:gz") as file:
        for name, content in tree(folder).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return archive


def files(root: Path, pattern: str) -> Callable[[], int]:
    """Count files that there are now; they may vanish meanwhile."""
    return lambda: sum(1 for _ in root.glob(pattern))


def wait(process: subprocess.Popen[str], count: Callable[[], int], more_than: int) -> bool:
    """Wait until there are more files, or the process has ended; say whether it still runs."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if count() > more_than:
            return True
    return False


def end(process: subprocess.Popen[str], number: int) -> str:
    """Send a signal and return what the process said."""
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    return out + err


def delays() -> Iterator[float]:
    """Seconds between the sign that something is being written and the kill: the first at once."""
    chance = random.Random(5)
    yield 0
    while True:
        yield chance.uniform(0, 0.3)


def killed_often(
    place: Place, arguments: tuple[str | Path, ...], count: Callable[[], int], times: int
) -> int:
    """Kill a command again and again as it goes on; return how often it came to that."""
    killed = 0
    for _, delay in zip(range(times), delays(), strict=False):
        before = count()
        process = place.start("import", *arguments)
        if not wait(process, count, before):
            process.communicate()
            break
        time.sleep(delay)
        end(process, signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
    return killed


def test_an_import_killed_again_and_again_ends_in_the_same_lake(
    place: Place, other_place: Place
) -> None:
    dump = write_dump(place.folder / "dump")
    other_place.medwh("import", dump, *CHAT)
    killed = killed_often(
        place, (dump, *CHAT), files(place.lake.root, "telegram_messages/*/*.json"), 4
    )
    assert killed >= 2
    said = place.medwh("import", dump, *CHAT)
    assert "6,000 records in 1 file" in said
    assert tree(place.lake.root) == tree(other_place.lake.root)
    assert not list(place.imports.glob("*"))


def test_an_import_killed_among_its_pictures_ends_in_the_same_lake(
    place: Place, other_place: Place
) -> None:
    dump = write_lake_of_pictures(place.folder / "dump")
    other_place.medwh("import", dump)
    killed = killed_often(place, (dump,), files(place.lake.root, "images/*/*.jpg"), 3)
    assert killed >= 2
    place.medwh("import", dump)
    assert tree(place.lake.root) == tree(other_place.lake.root)
    assert len(list(place.lake.root.glob("images/demo_shop/*.jpg"))) == 1500


def test_an_import_killed_before_it_writes_has_written_nothing(
    place: Place, other_place: Place
) -> None:
    dump = write_dump(place.folder / "dump")
    for delay in (0.05, 0.3, 0.6):
        process = place.start("import", dump, *CHAT)
        time.sleep(delay)
        end(process, signal.SIGKILL)
    place.medwh("import", dump, *CHAT)
    other_place.medwh("import", dump, *CHAT)
    assert tree(place.lake.root) == tree(other_place.lake.root)
    assert not list(place.imports.glob("*"))


def test_an_interrupted_import_says_how_to_go_on_and_a_second_one_completes(
    place: Place, other_place: Place
) -> None:
    dump = write_dump(place.folder / "dump")
    process = place.start("import", dump, *CHAT)
    assert wait(process, files(place.lake.root, "telegram_messages/*/*.json"), 0)
    said = end(process, signal.SIGINT)
    assert process.returncode == INTERRUPTED
    assert "Interrupted. What is done is kept; run the same command again to go on." in said
    assert "Traceback" not in said
    assert not list(place.imports.glob("*"))
    place.medwh("import", dump, *CHAT)
    other_place.medwh("import", dump, *CHAT)
    assert tree(place.lake.root) == tree(other_place.lake.root)


def test_what_an_import_killed_while_unpacking_left_is_gone_after_the_next(
    place: Place, other_place: Place
) -> None:
    folder = write_lake_of_pictures(place.folder / "dump")
    archive = packed(folder, place.folder / "history.tar.gz")
    process = place.start("import", archive)
    assert wait(process, files(place.imports, ".unpacked-*/files/images/*/*.jpg"), 20)
    end(process, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert len(list(place.imports.glob(".unpacked-*/files"))) == 1
    assert tree(place.lake.root) == {}
    rows = write_csv(place.folder, range(1, 20))
    place.medwh("import", rows)
    assert not list(place.imports.glob("*"))
    place.medwh("import", archive)
    other_place.medwh("import", archive)
    other_place.medwh("import", rows)
    assert tree(place.lake.root) == tree(other_place.lake.root)
    assert not list(place.imports.glob("*"))


def test_two_imports_at_once_end_in_the_lake_of_one_after_the_other(
    place: Place, other_place: Place
) -> None:
    """Also the folder into which one unpacks is not swept by the other."""
    archive = packed(write_lake_of_pictures(place.folder / "dump", 300), place.folder / "h.tar.gz")
    rows = write_csv(place.folder, range(200, 1200), 40)
    at_once = [place.start("import", path) for path in (archive, rows)]
    for process in at_once:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == 0, out + err
    other_place.medwh("import", rows)
    other_place.medwh("import", archive)
    assert tree(place.lake.root) == tree(other_place.lake.root)
