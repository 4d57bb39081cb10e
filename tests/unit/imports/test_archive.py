import bz2
import gzip
import io
import lzma
import random
import stat
import struct
import tarfile
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import filelock
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medwh_assets.errors import ImportShapeError
from medwh_assets.imports.archive import Limits, Unpacked, is_archive, sweep, unpacked

POSTS = b'[{"id": 1, "date": "2025-03-01", "message": "\xe1\x88\xb0"}]\n' * 50
FILES = {
    "data/2025-03-01/demo_shop.json": POSTS,
    "data/images/demo_shop/1.JPG": b"\xff\xd8" + bytes(range(256)) * 8,
    "dump.csv": b"ID,Date\n1,2025-03-01\n",
}

Files = dict[str, bytes] | list[tuple[str, bytes]]


def pairs(files: Files) -> Iterable[tuple[str, bytes]]:
    return files.items() if isinstance(files, dict) else files


class _Pipe(io.RawIOBase):
    """Takes what is written and cannot go back, as a pipe."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written += data
        return len(data)


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED, *, piped: bool = False) -> bytes:
    target: Any = _Pipe() if piped else io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        with zipfile.ZipFile(target, "w", method) as archive:
            for name, content in pairs(files):
                info = zipfile.ZipInfo("x")
                info.filename, info.compress_type = name, method
                archive.writestr(info, content)
    return bytes(target.written) if piped else target.getvalue()


def tarred(files: Files, mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, content in pairs(files):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


KINDS: dict[str, Callable[[Files], bytes]] = {
    "zip": zipped,
    "zip, stored": lambda files: zipped(files, zipfile.ZIP_STORED),
    "zip, written to a pipe": lambda files: zipped(files, piped=True),
    "tar, pax": tarred,
    "tar, gnu": lambda files: tarred(files, form=tarfile.GNU_FORMAT),
    "tar, ustar": lambda files: tarred(files, form=tarfile.USTAR_FORMAT),
    "tar.gz": lambda files: tarred(files, "w:gz"),
    "tar.bz2": lambda files: tarred(files, "w:bz2"),
    "tar.xz": lambda files: tarred(files, "w:xz"),
}
TARS = {name: make for name, make in KINDS.items() if name.startswith("tar")}
any_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def archive_of(folder: Path, content: bytes) -> Path:
    path = folder / "anything.bin"
    path.write_bytes(content)
    return path


def held(result: Unpacked) -> dict[str, bytes]:
    return {
        path.relative_to(result.root).as_posix(): path.read_bytes()
        for path in sorted(result.root.rglob("*"))
        if path.is_file()
    }


def unpack(folder: Path, content: bytes, **options: Any) -> tuple[dict[str, bytes], Unpacked]:
    """What an archive gives; nothing of it may be left behind afterwards."""
    work = folder / "work"
    try:
        with unpacked(archive_of(folder, content), work, **options) as result:
            for path in result.root.rglob("*"):
                mode = path.lstat().st_mode
                assert stat.S_ISDIR(mode) or stat.S_ISREG(mode)
                assert stat.S_IMODE(mode) == (0o700 if stat.S_ISDIR(mode) else 0o600)
            files = held(result)
            assert (len(files), sum(map(len, files.values()))) == (result.files, result.bytes)
        return files, result
    finally:
        assert list(work.iterdir()) == []


# -- what comes out ------------------------------------------------------------------------------


@any_kind
def test_every_kind_gives_its_files_whatever_its_name(
    make: Callable[[Files], bytes], tmp_path: Path
) -> None:
    content = make(FILES)
    files, result = unpack(tmp_path, content)
    assert files == FILES
    assert not result.left_out and result.problem is None
    assert is_archive(tmp_path / "anything.bin")


@any_kind
def test_an_import_takes_only_what_it_can_read(
    make: Callable[[Files], bytes], tmp_path: Path
) -> None:
    wild = {"a.json": POSTS, "video.mp4": b"0" * 5000, "x.exe": b"", ".env": b"K=1",
            "__MACOSX/a.json": b"{}", ".git/b.json": b"{}"}  # fmt: skip
    files, result = unpack(tmp_path, make(wild))
    assert set(files) == {"a.json"}
    assert result.left_out == {"not a kind of file that medwh reads": 2, "hidden": 3}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../a.json", "its path leads out of the archive"),
        ("x/../../a.json", "its path leads out of the archive"),
        ("/etc/a.json", "its path leads out of the archive"),
        ("\\\\host\\a.json", "its path leads out of the archive"),
        ("..\\a.json", "its path leads out of the archive"),
        ("C:\\a.json", "its path leads out of the archive"),
        ("c:a.json", "its path leads out of the archive"),
        ("a\n.json", "control characters in its name"),
        ("a\x7f.json", "control characters in its name"),
        ("n" * 251 + ".json", "its path is too long"),
        ("ሰ" * 90 + ".json", "its path is too long"),
        ("ab/" * 400 + "a.json", "its path is too long"),
        ("a/" * 70 + "a.json", "its path is too long"),
        ("good.json", "the same path again"),
        ("./x//..json/../good.json", "its path leads out of the archive"),
        (".//good.json", "the same path again"),
        ("GOOD.JSON", "the same path again"),
        ("good.json/b.json", "the same path again"),
    ],
)
@pytest.mark.parametrize("make", [zipped, tarred], ids=["zip", "tar"])
def test_a_path_that_means_harm_is_left_out(
    make: Callable[[Files], bytes], name: str, reason: str, tmp_path: Path
) -> None:
    files, result = unpack(tmp_path, make([("good.json", b"[]"), (name, POSTS)]))
    assert files == {"good.json": b"[]"}
    assert result.left_out == {reason: 1}


def test_backslashes_part_folders(tmp_path: Path) -> None:
    files, _ = unpack(tmp_path, zipped({"data\\2025\\a.json": b"[]"}))
    assert set(files) == {"data/2025/a.json"}


def test_names_in_any_script_and_of_any_length_that_fits_come_through(tmp_path: Path) -> None:
    names = {"ሰላም/ዋጋ 💊.json": b"1", f"{'a' * 150}/{'b' * 150}.json": b"2"}
    for make in KINDS["zip"], KINDS["tar, pax"], KINDS["tar, gnu"]:
        assert unpack(tmp_path, make(names))[0] == names


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"),
        (b"M", "not a regular file"),
    ],
)
def test_nothing_but_regular_files_is_made_of_a_tar(
    kind: bytes, reason: str, tmp_path: Path
) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo("a.json")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
        info = tarfile.TarInfo("b.json")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"[]"))
    files, result = unpack(tmp_path, target.getvalue())
    assert files == {"b.json": b"[]"}
    assert result.left_out == {reason: 1}


def test_nothing_but_regular_files_is_made_of_a_zip(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, mode in ("a.json", stat.S_IFLNK), ("b.json", stat.S_IFIFO), ("c.json", 0):
            info = zipfile.ZipInfo(name)
            info.external_attr = (mode | 0o777) << 16
            archive.writestr(info, "/etc/passwd")
        archive.mkdir("folder")
    files, result = unpack(tmp_path, target.getvalue())
    assert set(files) == {"c.json"}
    assert result.left_out == {"a link": 1, "a device": 1}


def test_what_a_zip_hides_by_a_password_or_a_rare_method_is_left_out(tmp_path: Path) -> None:
    for method in zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA:
        rare = zipped({"a.json": POSTS, "b.json": POSTS}, method)
        with pytest.raises(ImportShapeError, match="2 × compressed in a way that medwh does not"):
            unpack(tmp_path, rare)
    for flag, reason in (1, "encrypted"), (32, "compressed in a way that medwh does not read"):
        hidden = bytearray(zipped(FILES))
        hidden[hidden.index(b"PK\x01\x02") + 8] |= flag
        files, result = unpack(tmp_path, bytes(hidden))
        assert len(files) == 2
        assert result.left_out == {reason: 1}


def test_a_zip_of_a_tool_that_marks_no_name_as_utf8_has_its_names(tmp_path: Path) -> None:
    for raw, name in (("ሰላም.json".encode(), "ሰላም.json"), (b"Gr\x81n.json", "Grün.json")):
        content = zipped({"?" * (len(raw) - 5) + ".json": b"[]"})
        content = content.replace(b"?" * (len(raw) - 5) + b".json", raw)
        assert unpack(tmp_path, content)[0] == {name: b"[]"}


def test_folders_are_no_entries_that_are_left_out(tmp_path: Path) -> None:
    named = [("data/", b""), ("old\\", b""), ("data/a.json", b"[]")]
    for make in zipped, tarred:
        files, result = unpack(tmp_path, make(named))
        assert (set(files), result.left_out) == ({"data/a.json"}, {})


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def tell(files: int, size: int) -> None:
        told.append((files, size))

    unpack(tmp_path, zipped(FILES), progress=tell)
    assert told[-1] == (3, sum(map(len, FILES.values())))
    assert told == sorted(told)


# -- bounds --------------------------------------------------------------------------------------


@any_kind
@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(entries=2), "more than 2 entries"),
        (Limits(file_bytes=100), "more than 100 bytes in one file"),
        (Limits(total_bytes=1000), "more than 1,000 bytes in all"),
        (Limits(ratio=0, slack_bytes=500), "more than 500 bytes in all"),
    ],
)
def test_an_archive_that_breaks_a_bound_is_refused_with_the_bound_and_what_to_do(
    make: Callable[[Files], bytes], limits: Limits, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ImportShapeError, match=rf"{why}\. Unpack it yourself and import"):
        unpack(tmp_path, make(FILES), limits=limits)


@any_kind
def test_an_archive_that_does_not_fit_on_the_disk_is_refused(
    make: Callable[[Files], bytes], tmp_path: Path
) -> None:
    def free(folder: Path) -> int:
        assert folder == tmp_path / "work"
        return 20

    with pytest.raises(ImportShapeError, match="the disk has 20 left"):
        unpack(tmp_path, make(FILES), free_bytes=free)


@pytest.mark.parametrize("name", ["bomb.json", "bomb.bin"])
@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_bomb_is_defused_whether_it_is_taken_or_only_passed_by(
    name: str, mode: str, tmp_path: Path
) -> None:
    bomb = tarred([(name, bytes(30_000_000)), ("a.json", b"[]")], mode)
    with pytest.raises(ImportShapeError, match="bytes in all"):
        unpack(tmp_path, bomb, limits=Limits(slack_bytes=2**20))


def test_a_zip_that_lies_about_a_size_gives_no_more_than_it_said(tmp_path: Path) -> None:
    lying = bytearray(zipped([("a.json", bytes(1_000_000)), ("b.json", b"[]")]))
    at = lying.index(b"PK\x01\x02")
    lying[at + 24 : at + 28] = struct.pack("<I", 10)
    files, result = unpack(tmp_path, bytes(lying))
    assert files == {"b.json": b"[]"}
    assert result.left_out == {"damaged": 1}


@pytest.mark.filterwarnings("ignore:Overlapped entries")
def test_a_zip_whose_entries_share_their_bytes_is_bounded_by_what_comes_out(tmp_path: Path) -> None:
    one = zipped([("a0.json", bytes(500_000))])
    at = one.index(b"PK\x01\x02")
    head = one[at : one.index(b"PK\x05\x06")]
    listed = head * 1000
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1000, 1000, len(listed), at, 0)
    files, result = unpack(tmp_path, one[:at] + listed + end)
    assert len(files) == 1 and result.left_out.total() == 999


@pytest.mark.parametrize("wide", [False, True], ids=["zip", "zip64"])
@pytest.mark.parametrize("name", [b"", b"n" * 200])
def test_a_list_of_entries_that_is_too_long_is_refused_before_it_is_read(
    name: bytes, wide: bool, tmp_path: Path
) -> None:
    one = zipped({"a.json": b"[]"})
    at = one.index(b"PK\x01\x02")
    head = bytearray(one[at : at + 46])
    head[28:34] = struct.pack("<HHH", len(name), 0, 0)
    listed = (bytes(head) + name) * 201_000
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(listed), at, 0)
    if wide:
        end = (
            struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(listed), at)
            + struct.pack("<4sIQI", b"PK\x06\x07", 0, at + len(listed), 1)
            + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 2**32 - 1, 2**32 - 1, 0)
        )
    content = one[:at] + listed + end
    del listed
    path = archive_of(tmp_path, content)
    tracemalloc.start()
    try:
        with (
            pytest.raises(ImportShapeError, match=r"more than 200,000 entries\. Unpack it"),
            unpacked(path, tmp_path / "work"),
        ):
            pass
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


@any_kind
def test_memory_does_not_grow_with_what_is_unpacked(
    make: Callable[[Files], bytes], tmp_path: Path
) -> None:
    content = make({f"{at}.json": bytes(1_000_000) for at in range(40)})
    path = archive_of(tmp_path, content)
    del content
    tracemalloc.start()
    try:
        with unpacked(path, tmp_path / "work", limits=Limits(ratio=2000)) as result:
            assert result.bytes == 40_000_000
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def test_a_long_name_as_big_as_a_film_is_not_read_into_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**31
    bomb = tarred({"a.json": b"[]"})[:1024] + info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)
    files, result = unpack(tmp_path, bomb)
    assert files == {"a.json": b"[]"}
    assert result.problem == "the archive is cut off or damaged after 1 file"


@pytest.mark.parametrize(
    "attributes",
    [
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1"},
        {"comment": "x" * 100_000},
    ],
)
def test_attributes_without_an_end_are_not_read_into_memory(
    attributes: dict[str, str], tmp_path: Path
) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for name in "a.json", "b.json":
            info = tarfile.TarInfo(name)
            info.pax_headers = attributes if name == "b.json" else {}
            content = b"999999999\n" + b"0\n" * 10_000_000
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    path = archive_of(tmp_path, target.getvalue())
    tracemalloc.start()
    try:
        with unpacked(path, tmp_path / "work", limits=Limits(ratio=2000)) as result:
            assert result.files == 1
            assert result.problem == "the archive is cut off or damaged after 1 file"
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_chain_of_headers_without_a_file_ends_in_words(kind: bytes, tmp_path: Path) -> None:
    info = tarfile.TarInfo("chain")
    info.type = kind
    chain = tarred({"a.json": b"[]"})[:1024] + info.tobuf() * 20_000
    files, result = unpack(tmp_path, chain)
    assert set(files) == {"a.json"}
    assert result.problem == "the archive is cut off or damaged after 1 file"


def test_a_size_beyond_all_reason_does_not_keep_an_import_busy(tmp_path: Path) -> None:
    info = tarfile.TarInfo("film.mp4")
    info.size = 2**62
    cut = tarred({"a.json": b"[]"})[:1024] + info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)
    files, result = unpack(tmp_path, cut)
    assert set(files) == {"a.json"}
    assert result.problem is not None


def test_an_xz_that_asks_for_more_memory_than_any_packer_does_is_no_archive(
    tmp_path: Path,
) -> None:
    greedy = bytearray(lzma.compress(tarred(FILES)))
    size = (greedy[12] + 1) * 4
    greedy[greedy.index(b"\x21\x01", 12) + 2] = 40  # 4 GiB
    greedy[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(greedy[12 : 8 + size]))
    with pytest.raises(ImportShapeError, match="no archive that medwh knows"):
        unpack(tmp_path, bytes(greedy))


def test_parts_that_a_parallel_packer_writes_are_one_archive(tmp_path: Path) -> None:
    plain = tarred(FILES)
    for pack in gzip.compress, bz2.compress, lzma.compress:
        parts = [pack(plain[at : at + 700]) for at in range(0, len(plain), 700)]
        assert unpack(tmp_path, b"".join(parts) + bytes(600))[0] == FILES


# -- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", TARS.values(), ids=TARS)
def test_of_a_tar_that_is_cut_off_what_came_before_is_taken(
    make: Callable[[Files], bytes], tmp_path: Path
) -> None:
    # Noise, so that also bzip2, in blocks of 900 kB, has something whole.
    noise = {f"{at}.json": random.Random(at).randbytes(500_000) for at in range(6)}
    content = make(noise)
    files, result = unpack(tmp_path, content[: len(content) * 3 // 4])
    assert 1 <= len(files) <= 5
    assert all(files[name] == noise[name] for name in files)
    count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
    assert result.problem == f"the archive is cut off or damaged after {count}"


def test_a_tar_that_breaks_in_the_middle_gives_what_came_before_and_says_so(
    tmp_path: Path,
) -> None:
    content = bytearray(tarred(FILES))
    content[content.index(b"dump.csv")] ^= 1
    files, result = unpack(tmp_path, bytes(content))
    assert set(files) == set(FILES) - {"dump.csv"}
    assert result.problem == "the archive is cut off or damaged after 2 files"


@pytest.mark.parametrize("piped", [False, True])
def test_a_zip_that_is_cut_off_has_lost_its_directory_and_says_so(
    piped: bool, tmp_path: Path
) -> None:
    content = zipped(FILES, piped=piped)
    with pytest.raises(ImportShapeError, match="its directory is missing or broken"):
        unpack(tmp_path, content[: len(content) * 3 // 4])
    assert is_archive(tmp_path / "anything.bin")


def test_an_entry_of_a_zip_that_is_damaged_costs_no_other(tmp_path: Path) -> None:
    content = bytearray(zipped(FILES, zipfile.ZIP_STORED))
    content[content.index(POSTS) + 7] ^= 1
    files, result = unpack(tmp_path, bytes(content))
    assert set(files) == set(FILES) - {"data/2025-03-01/demo_shop.json"}
    assert (result.left_out, result.problem) == ({"damaged": 1}, None)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"PK\x03\x04", b"hello" * 300, bytes(10_240), gzip.compress(b"[]" * 600, mtime=0),
     b"\x1f\x8b\x08" + b"\xff" * 600, b"BZh9" + b"\0" * 600, b"\xfd7zXZ\x00" + b"\1" * 600],
)  # fmt: skip
def test_what_is_no_archive_or_an_empty_one_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImportShapeError, match="import the folder"):
        unpack(tmp_path, content)


@any_kind
def test_an_archive_without_anything_to_read_says_what_it_holds(
    make: Callable[[Files], bytes], tmp_path: Path
) -> None:
    with pytest.raises(ImportShapeError, match="2 × not a kind of file that medwh reads"):
        unpack(tmp_path, make({"a.mp4": b"1", "b.exe": b"2"}))


def test_a_folder_is_no_archive(tmp_path: Path) -> None:
    assert not is_archive(tmp_path)
    assert not is_archive(tmp_path / "absent")


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.one_of(st.none(), st.floats(0, 1)),
)
def test_damage_of_any_kind_ends_in_files_or_in_words(
    make: Callable[[Files], bytes],
    flips: list[tuple[float, int]],
    cut: float | None,
    tmp_path: Path,
) -> None:
    content = bytearray(make(FILES))
    for at, value in flips:
        content[int(at * (len(content) - 1))] = value
    if cut is not None:
        del content[int(cut * len(content)) :]
    try:
        files, _ = unpack(tmp_path, bytes(content))
    except ImportShapeError:
        return
    assert files


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from(
        [b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00"]
    ),
    rest=st.binary(max_size=200),
)
def test_bytes_of_any_kind_end_in_words(start: bytes, rest: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImportShapeError):
        unpack(tmp_path, start + rest)


# -- the temporary folder ------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError, SystemExit])
def test_however_an_import_ends_nothing_is_left(stop: type[BaseException], tmp_path: Path) -> None:
    def halt(files: int, size: int) -> None:
        raise stop

    with pytest.raises(stop):
        unpack(tmp_path, zipped(FILES), progress=halt)
    with (
        pytest.raises(stop),
        unpacked(archive_of(tmp_path, zipped(FILES)), tmp_path / "work"),
    ):
        raise stop
    assert list((tmp_path / "work").iterdir()) == []


def test_a_sweep_takes_what_killed_imports_left_and_nothing_else(tmp_path: Path) -> None:
    killed, at_once = tmp_path / ".unpacked-killed", tmp_path / ".unpacked-at-once"
    (killed / "files").mkdir(parents=True)
    (killed / ".lock").touch()
    at_once.mkdir()
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / ".unpacked-link").symlink_to(other)
    path = archive_of(other, zipped(FILES))
    with unpacked(path, tmp_path) as result:
        assert sweep(tmp_path) == 2
        assert held(result) == FILES
        assert not killed.exists() and not at_once.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"other", ".unpacked-link"}
    assert sweep(tmp_path) == sweep(tmp_path / "absent") == 0


def test_a_sweep_that_comes_between_the_folder_and_its_lock_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, swept = filelock.FileLock.acquire, list[int]()

    def acquire(self: Any, *args: Any, **options: Any) -> Any:
        if not swept:
            swept.append(0)
            swept[0] = sweep(tmp_path)
        return real(self, *args, **options)

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    (tmp_path / "in").mkdir()
    with unpacked(archive_of(tmp_path / "in", zipped(FILES)), tmp_path) as result:
        assert held(result) == FILES
    assert swept == [1]
