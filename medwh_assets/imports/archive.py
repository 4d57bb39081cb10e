"""Hostile archives: what an import can use comes into a temporary folder, the rest stays out.

zipfile and tarfile read, and create nothing: files are made here alone, below one fresh folder,
under names that were looked at part by part, and every byte is counted against `Limits`.

Of two entries with one path, also if they differ in case alone, the first is taken.
"""

import bz2
import errno
import functools
import gzip
import io
import lzma
import os
import re
import shutil
import stat
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import IO, Any, BinaryIO, Self

import filelock

from medwh_assets.errors import ImportShapeError

SUFFIXES = frozenset(
    {".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".parquet"}
    | {".jpg", ".jpeg", ".png", ".webp"}
)
Progress = Callable[[int, int], None]
_Opening = Callable[[], IO[bytes] | None]

_PREFIX, _LOCK, _FILES = ".unpacked-", ".lock", "files"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 2**18
_MAX_DEPTH = 64
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_FIX = "Unpack it yourself and import the folder"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold.

    Attributes:
        entries: files and folders, of any kind.
        file_bytes: of one file.
        total_bytes: of all files together.
        ratio, slack_bytes: all that comes out of it may be `ratio` times its size and so much more.
        name_bytes, path_bytes: of one part of a path, and of a whole path.
    """

    entries: int = 200_000
    file_bytes: int = 4 * 2**30
    total_bytes: int = 50 * 2**30
    ratio: int = 200
    slack_bytes: int = 64 * 2**20
    name_bytes: int = 255
    path_bytes: int = 1024


LIMITS = Limits()


@dataclass(slots=True)
class Unpacked:
    """What came out of an archive.

    Attributes:
        root: the folder that holds it, for as long as the context lasts.
        files, bytes: how many files, and their size.
        left_out: entries that were not taken, by reason.
        problem: where the archive broke, if it did.
    """

    root: Path
    files: int = 0
    bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])
    problem: str | None = None


class _DamageError(Exception):
    """The archive, or one entry of a zip, cannot be read any further."""


class _EntryError(Exception):
    """One entry cannot be taken; the message is the reason."""


def is_archive(path: Path) -> bool:
    """Say whether a file is an archive that `unpacked` knows, by its first bytes.

    Raises:
        OSError: the file cannot be opened.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _is_zip(file) or _tar_bytes(file) is not None


@contextmanager
def unpacked(
    path: Path,
    folder: Path,
    *,
    limits: Limits = LIMITS,
    progress: Progress | None = None,
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Generator[Unpacked]:
    """Unpack what an import can use into a fresh folder, which is gone after the context.

    Args:
        path: the archive.
        folder: where the fresh folder is made; it is created if it is missing.
        limits: what the archive may hold.
        progress: is told the files and bytes so far, after each file.
        free_bytes: how much room a folder's disk has left.

    Raises:
        ImportShapeError: no archive, too much in it, or nothing that medwh reads.
        OSError: the archive cannot be opened, or the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own, lock = _own_folder(folder)
    try:
        result = Unpacked(own / _FILES)
        result.root.mkdir(mode=0o700)
        room = min(limits.total_bytes, limits.ratio * path.stat().st_size + limits.slack_bytes)
        writer = _Writer(result, limits, room, progress, lambda: free_bytes(folder))
        with path.open("rb") as file:
            if _is_zip(file):
                _unpack_zip(path, writer)
            elif (source := _tar_bytes(file)) is not None:
                _unpack_tar(source, writer)
            else:
                kinds = "zip, tar, tar.gz, tar.bz2 and tar.xz"
                raise ImportShapeError(f"no archive that medwh knows: {kinds} are. {_FIX}")
        if result.files == 0:
            reasons = [f"{count} × {reason}" for reason, count in result.left_out.most_common(5)]
            why = "; ".join([*reasons, result.problem] if result.problem else reasons)
            why = f" ({why})" if why else ""
            raise ImportShapeError(f"{path.name} holds nothing that medwh reads{why}. {_FIX}")
        yield result
    finally:
        shutil.rmtree(own, ignore_errors=True)
        lock.release()


def sweep(folder: Path) -> int:
    """Remove what killed imports left below a folder; return how many such folders there were."""
    swept = 0
    for own in sorted(folder.glob(f"{_PREFIX}*")):
        if own.is_symlink() or not own.is_dir():
            continue
        with suppress(filelock.Timeout, OSError):
            if (own / _LOCK).exists():
                with filelock.FileLock(own / _LOCK, timeout=0):
                    shutil.rmtree(own, ignore_errors=True)
            else:
                # Killed in the instant before its lock: there can be nothing in it.
                own.rmdir()
            swept += 1
    return swept


def _own_folder(folder: Path) -> tuple[Path, filelock.BaseFileLock]:
    """Make a folder and hold its lock; a sweep may come between the two, then once more."""
    while True:
        own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        lock = filelock.FileLock(own / _LOCK, timeout=0)
        try:
            lock.acquire()
        except (filelock.Timeout, FileNotFoundError):
            continue
        except BaseException:
            shutil.rmtree(own, ignore_errors=True)
            raise
        if (own / _LOCK).exists():
            return own, lock
        lock.release()


@contextmanager
def _broken_is_damage() -> Generator[None]:
    """Around calls of zipfile, tarfile and decompressors, which raise all kinds at broken bytes.

    Raises:
        _DamageError: for all of it; an error of the disk itself stays an OSError.
    """
    try:
        yield
    except (ImportShapeError, _DamageError):
        raise
    except Exception as error:
        # Decompressors raise an OSError without a number; a place before the file is EINVAL.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise _DamageError from error


# -- writing -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Writer:
    """The only one who creates files, and the one who counts."""

    result: Unpacked
    limits: Limits
    room: int
    progress: Progress | None
    free_bytes: Callable[[], int]
    entries: int = 0
    written: int = 0
    paths: set[int] = field(default_factory=set[int])

    def bound(self, value: int, limit: int, what: str) -> None:
        """Compare a count with its bound."""
        if value > limit:
            raise ImportShapeError(f"the archive holds more than {limit:,} {what}. {_FIX}")

    def entry(self) -> None:
        """Count one entry of the archive, or one folder that had to be made."""
        self.entries += 1
        self.bound(self.entries, self.limits.entries, "entries")

    def declared(self, size: int) -> None:
        """Compare what is to come with the room on the disk."""
        free = self.free_bytes()
        if size >= free:
            raise ImportShapeError(
                f"the archive needs {size:,} bytes and the disk has {free:,} left. "
                "Make room, or unpack it on another disk and import the folder"
            )

    def take(self, raw: bytes, size: int, refused: str | None, opening: _Opening) -> None:
        """Write one entry, or count why it is left out; a folder is neither.

        Raises:
            _DamageError: its bytes cannot be read; nothing of it stays.
        """
        if raw.endswith((b"/", b"\\")):
            return
        try:
            if refused is not None:
                raise _EntryError(refused)
            self._write(_parts(raw, self.limits), size, opening)
        except _EntryError as error:
            self.result.left_out[str(error)] += 1

    def _write(self, parts: tuple[str, ...], size: int, opening: _Opening) -> None:
        self.bound(size, self.limits.file_bytes, "bytes in one file")
        self.declared(size)
        key = hash(unicodedata.normalize("NFC", "/".join(parts).casefold()))
        if key in self.paths:
            raise _EntryError("the same path again")
        target = self.result.root
        try:
            for part in parts[:-1]:
                target /= part
                with suppress(FileExistsError):
                    target.mkdir(mode=0o700)
                    self.entry()
            target /= parts[-1]
            descriptor = os.open(target, _CREATE, 0o600)
        except (FileExistsError, NotADirectoryError):
            raise _EntryError("the same path again") from None
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
                raise _EntryError("a name that this disk cannot hold") from None
            raise
        came = 0
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in _pieces(opening):
                    came += len(piece)
                    self.written += len(piece)
                    self.bound(came, self.limits.file_bytes, "bytes in one file")
                    self.bound(self.written, self.room, "bytes in all")
                    file.write(piece)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        self.paths.add(key)
        self.result.files += 1
        self.result.bytes += came
        if self.progress is not None:
            self.progress(self.result.files, self.result.bytes)


def _pieces(opening: _Opening) -> Iterator[bytes]:
    with _broken_is_damage():
        source = opening()
    while source is not None:
        with _broken_is_damage():
            piece = source.read(_PIECE)
        if not piece:
            source.close()
            return
        yield piece


def _parts(raw: bytes, limits: Limits) -> tuple[str, ...]:
    """Return the parts of a path that may be written.

    Raises:
        _EntryError: it may not.
    """
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        # Written by an old tool on DOS or Windows.
        name = raw.decode("cp437")
    path = name.replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    long = len(path.encode()) > limits.path_bytes or len(parts) > _MAX_DEPTH
    for wrong, reason in (
        (_CONTROL.search(name), "control characters in its name"),
        (path.startswith("/") or _DRIVE.match(path), "its path leads out of the archive"),
        (".." in parts, "its path leads out of the archive"),
        (not parts, "it has no name"),
        (long, "its path is too long"),
        (any(len(part.encode()) > limits.name_bytes for part in parts), "its path is too long"),
        (any(part.startswith(".") or part == "__MACOSX" for part in parts), "hidden"),
        (not _is_known(path), "not a kind of file that medwh reads"),
    ):
        if wrong:
            raise _EntryError(reason)
    return parts


def _is_known(name: str) -> bool:
    return PurePath(name).suffix.lower() in SUFFIXES


# -- zip -----------------------------------------------------------------------------------------

# zipfile keeps the list of entries in memory; this is 200,000 with names of 80 characters.
_MAX_LIST = 24 * 2**20
# bzip2 and LZMA zipfile unpacks without a bound on memory: 600 bytes become gigabytes at once.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED, _PATCH, _UTF8 = 0x1, 0x20, 0x800


class _ZipBytes(io.BufferedReader):
    """A zip's bytes; zipfile asks for the whole list of its entries at once."""

    def __init__(self, path: Path, writer: _Writer) -> None:
        super().__init__(io.FileIO(path))
        self._writer = writer

    def read(self, size: int | None = -1, /) -> bytes:
        limit = self._writer.limits.entries
        self._writer.bound(limit + 1 if (size or 0) > _MAX_LIST else 0, limit, "entries")
        piece = super().read(size)
        if len(piece) > _PIECE:
            self._writer.bound(piece.count(b"PK\x01\x02"), limit, "entries")
        return piece


def _is_zip(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def _unpack_zip(path: Path, writer: _Writer) -> None:
    with _ZipBytes(path, writer) as file:
        try:
            with _broken_is_damage():
                archive = zipfile.ZipFile(file)
        except _DamageError as error:
            raise ImportShapeError(
                "the zip is cut off or damaged: its directory is missing or broken. "
                "Download it again, or unpack what you can yourself and import the folder"
            ) from error
        writer.entries = len(archive.infolist())
        writer.bound(writer.entries, writer.limits.entries, "entries")
        sizes = (info.file_size for info in archive.infolist() if _is_known(info.filename))
        writer.declared(sum(sizes))
        for info in archive.infolist():
            # What is not marked as UTF-8 zipfile takes for the characters of DOS; tools forget it.
            raw = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")
            opening = functools.partial(archive.open, info)
            try:
                writer.take(raw, info.file_size, _refused_in_zip(info), opening)
            except _DamageError:
                writer.result.left_out["damaged"] += 1


def _refused_in_zip(info: zipfile.ZipInfo) -> str | None:
    # Only Unix, which is 3, keeps a mode in the upper half.
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
    if kind not in (0, stat.S_IFREG):
        return "a link" if kind == stat.S_IFLNK else "a device"
    if info.flag_bits & _ENCRYPTED:
        return "encrypted"
    if info.compress_type not in _METHODS or info.flag_bits & _PATCH:
        return "compressed in a way that medwh does not read"
    return None


# -- tar -----------------------------------------------------------------------------------------

# What `xz -9` needs is 65 MiB; a file may ask for 4 GiB.
_XZ_MEMORY = 128 * 2**20
# What may stand before one file: its header, long names, attributes. tarfile keeps all of it.
_MAX_HEADER = 64 * 1024


class _TarInfo(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header; tarfile itself takes a broken one for the end of the archive."""
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if any(buf):
                raise _DamageError from error
            raise


class _Xz(io.RawIOBase):
    """An xz file; `lzma.open` cannot bound the memory that a file may ask for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inner = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = b""
        while not piece:
            packed = self._file.read(io.DEFAULT_BUFFER_SIZE) if self._inner.needs_input else b""
            if self._inner.eof:
                # Parallel packers write several, one behind the other, and zeros in between.
                packed = self._inner.unused_data.lstrip(b"\0") or self._file.read(_PIECE)
                if not packed.strip(b"\0"):
                    return 0
                self._inner = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            elif self._inner.needs_input and not packed:
                raise EOFError
            piece = self._inner.decompress(packed, len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


_COMPRESSED: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZ": bz2.BZ2File,
    b"\xfd7": lambda file: io.BufferedReader(_Xz(file)),
}


def _tar_bytes(file: BinaryIO) -> io.BufferedIOBase | None:
    """Return a tar's bytes, decompressed, or None where there is no tar."""
    file.seek(0)
    opening = _COMPRESSED.get(file.read(2), lambda plain: plain)
    with suppress(_DamageError), _broken_is_damage():
        file.seek(0)
        _TarInfo.frombuf(opening(file).read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
        file.seek(0)
        return opening(file)
    return None


class _TarBytes(io.RawIOBase):
    """A tar's bytes on their way to tarfile, which reads and skips whatever headers say."""

    def __init__(self, source: io.BufferedIOBase, writer: _Writer) -> None:
        self._source, self._writer = source, writer
        self._came = 0
        self._header_ends = _MAX_HEADER

    def header(self, *, begins: bool) -> None:
        """Bound what is read from here on as one header, or as content again."""
        self._header_ends = self._came + _MAX_HEADER if begins else sys.maxsize

    def read(self, size: int = -1, /) -> bytes:
        piece = self._source.read1(size)
        self._came += len(piece)
        self._writer.bound(self._came, self._writer.room, "bytes in all")
        # A whole tar ends with zeros, so that nothing behind its end is ever asked for.
        if not piece or self._came > self._header_ends:
            raise _DamageError
        return piece

    def finish(self) -> None:
        """Read on to the very end, where what packed the tar has its checksum."""
        while piece := self._source.read1(_PIECE):
            self._came += len(piece)
            self._writer.bound(self._came, self._writer.room, "bytes in all")


def _unpack_tar(source: io.BufferedIOBase, writer: _Writer) -> None:
    file = _TarBytes(source, writer)
    try:
        with _broken_is_damage():
            # Any: the stubs leave out what keeps memory flat.
            tar: Any = tarfile.TarFile.open(
                fileobj=file, mode="r|", tarinfo=_TarInfo, encoding="utf-8"
            )
        while True:
            with _broken_is_damage():
                file.header(begins=True)
                info: tarfile.TarInfo | None = tar.next()
                file.header(begins=False)
            if info is None:
                with _broken_is_damage():
                    file.finish()
                return
            tar.members, tar.pax_headers = [], {}
            writer.entry()
            if info.size < 0:
                raise _DamageError
            if not info.isdir():
                raw = info.name.encode("utf-8", "surrogateescape")
                opening = functools.partial(tar.extractfile, info)
                writer.take(raw, info.size, _refused_in_tar(info), opening)
            with _broken_is_damage():
                tar.fileobj.seek(tar.offset)
    except _DamageError:
        count = f"{writer.result.files:,} file{'' if writer.result.files == 1 else 's'}"
        writer.result.problem = f"the archive is cut off or damaged after {count}"


def _refused_in_tar(info: tarfile.TarInfo) -> str | None:
    if info.issym() or info.islnk():
        return "a link"
    if info.isdev():
        return "a device"
    if info.issparse():
        return "a sparse file"
    return None if info.isreg() else "not a regular file"
