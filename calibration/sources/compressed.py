"""Bytes of recordings, whatever they are packed in: by their first bytes, never by their names."""

from __future__ import annotations

import errno
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import pyarrow as pa

from calibration.sources.problems import DataError

PIECE_BYTES = 1 << 20
COMPRESSED_PIECE_BYTES = 1 << 16  # small: what is left over is copied for each stream in a file
# Text of order books shrinks 5 to 60 times; 1 GiB of zeros 1000 times (gzip) or 32 000 (zstd).
RATIO_MOST = 1000
RATIO_FREE_BYTES = 64 << 20
XZ_MEMORY_BYTES = 1 << 28
MEMBERS_MOST = 10_000
DIRECTORY_MOST_BYTES = 8 << 20  # of a zip archive

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\x00", "xz"))
# No text begins like these.
_UNREAD = (
    (b"BZh", "bzip2"),
    (b"\x5d\x00\x00", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a", "rar"),
    (b"\x1f\x9d", "compress"),
)
_TAR_AT = 257
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass
class Consumed:
    """Compressed bytes read so far, for progress and for messages."""

    bytes: int = 0


@dataclass(frozen=True)
class Member:
    """A file, or a file in a zip archive."""

    path: Path
    inner: str = ""
    consumed: Consumed = field(default_factory=Consumed, compare=False)

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.path}!{self.inner}" if self.inner else str(self.path)

    @property
    def name(self) -> str:
        """Without folders and compression."""
        name = Path(self.inner or self.path).name
        for ending in (".gz", ".xz", ".zst", ".zip"):
            name = name.removesuffix(ending)
        return name

    def pieces(self) -> Iterator[bytes]:
        """The decompressed bytes.

        Raises:
            DataError: the file is damaged, cut off, or a decompression bomb.
        """
        with self.path.open("rb") as raw:
            if not self.inner:
                yield from _unpacked(self, _Counted(raw, self))
                return
            with _zip_errors(self), zipfile.ZipFile(_Counted(raw, self)) as archive:
                self.consumed.bytes = 0
                with archive.open(self.inner) as stream:
                    yield from _unpacked(self, cast(BinaryIO, stream))


def head_of(member: Member, count: int = 1 << 16) -> bytes:
    """The first decompressed bytes."""
    head = b""
    for piece in member.pieces():
        head += piece
        if len(head) >= count:
            break
    member.consumed.bytes = 0
    return head[:count]


def members_of(path: Path) -> list[Member]:
    """The file, or what is in it if it is a zip archive, by name.

    Raises:
        DataError: it cannot be opened.
    """
    try:
        if path.is_dir():
            raise DataError(str(path), expected="a file", got="a folder", remedy="name its files")
        with path.open("rb") as raw:
            if raw.read(4) not in _ZIP:
                return [Member(path)]
            _require_small_directory(path, raw)
            with _zip_errors(Member(path)), zipfile.ZipFile(raw) as archive:
                return _zip_members(path, archive)
    except OSError as error:
        what = error.strerror or str(error)
        raise DataError(str(path), expected="a readable file", got=what) from None


def _require_small_directory(path: Path, raw: BinaryIO) -> None:
    """The whole directory is read at once, so it has to be small."""
    end = raw.seek(0, 2)
    raw.seek(max(end - (1 << 16) - 22, 0))
    tail = raw.read()
    at = tail.rfind(b"PK\x05\x06")
    size = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if size > DIRECTORY_MOST_BYTES:
        raise DataError(
            str(path),
            reason="bomb",
            expected=f"at most {DIRECTORY_MOST_BYTES} bytes of directory",
            got=str(size),
            remedy="if it is genuine, unpack it first",
        )


def _zip_members(path: Path, archive: zipfile.ZipFile) -> list[Member]:
    """Nothing is ever unpacked into files: names may say what they like."""
    infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
    names = sorted(info.filename for info in infos)
    if len(infos) > MEMBERS_MOST:
        raise DataError(
            str(path), reason="bomb", expected=f"at most {MEMBERS_MOST} files", got=str(len(infos))
        )
    unpacked = sum(info.file_size for info in infos)  # no more is ever read of them
    if unpacked > max(RATIO_FREE_BYTES, RATIO_MOST * path.stat().st_size):
        raise _bomb(str(path), unpacked, path.stat().st_size)
    if "" in names:
        raise DataError(str(path), reason="damaged", expected="files with names", got="none")
    twice = [a for a, b in pairwise(names) if a == b]
    if twice:
        raise DataError(
            str(path), reason="damaged", expected="each name once", got=f"{twice[0]!r} twice"
        )
    methods = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    for info in infos:
        if info.compress_type not in methods:  # the others' memory has no bound
            raise DataError(
                Member(path, info.filename).place,
                reason="packed",
                expected="a file that is stored or deflated",
                got=f"method {info.compress_type}",
                remedy="unpack it first",
            )
    return [Member(path, name) for name in names]


class _Counted:
    """A file that counts what is read of it."""

    def __init__(self, raw: BinaryIO, member: Member) -> None:
        self._raw = raw
        self._consumed = member.consumed

    def read(self, count: int = -1) -> bytes:
        piece = self._raw.read(count)
        self._consumed.bytes += len(piece)
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def seekable(self) -> bool:
        return True


@contextmanager
def _zip_errors(member: Member) -> Iterator[None]:
    """Turn zipfile's exceptions into ours."""
    try:
        yield
    except RuntimeError as error:  # it may be whole: it has a password, or is of a newer kind
        raise DataError(
            member.place,
            reason="packed",
            expected="a zip archive without a password, of version 6.3 or older",
            got=str(error),
            remedy="unpack it first; if that fails, get the file again",
        ) from None
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, zlib.error) as error:
        # A place before the file's first byte is an invalid argument to the system.
        strange = isinstance(error, OSError) and error.errno != errno.EINVAL
        if strange or isinstance(error, DataError):
            raise
        raise DataError(
            member.place,
            reason="damaged",
            expected="a whole zip archive",
            got=str(error),
            remedy="get the file again",
        ) from None


class _Readable(Protocol):
    def read(self, count: int, /) -> bytes: ...


def _unpacked(member: Member, raw: _Readable) -> Iterator[bytes]:
    """Bytes of the stream, decompressed if they begin like a compressed file."""
    head = raw.read(COMPRESSED_PIECE_BYTES)
    kind = _kind_of(member, head)
    pieces = _UNPACKERS[kind](member, raw, head)
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > max(RATIO_FREE_BYTES, RATIO_MOST * member.consumed.bytes):
            raise _bomb(member.place, total, member.consumed.bytes)
        yield piece


def _kind_of(member: Member, head: bytes) -> str:
    kinds = [kind for magic, kind in _MAGIC if head.startswith(magic)]
    if len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:
        kinds.append("zstd")  # a frame that is to be skipped
    unread = [name for magic, name in _UNREAD if head.startswith(magic)]
    if head[_TAR_AT:].startswith(b"ustar"):
        unread.append("tar")
    if unread:
        raise DataError(
            member.place,
            reason="packed",
            expected="a file that is plain, or gz, zst, xz or zip",
            got=unread[0],
            remedy="unpack it first",
        )
    return kinds[0] if kinds else "plain"


def with_content(members: Sequence[Member], *, strict: bool) -> tuple[list[Member], list[str]]:
    """Those that have any, and where the others are.

    Raises:
        DataError: one is empty, and `strict` or the last one.
    """
    empty = [m for m in members if not head_of(m, 4096).strip(b"\xef\xbb\xbf \t\r\n")]
    if empty and (strict or len(empty) == len(members)):
        raise DataError(
            empty[0].place,
            reason="empty_file",
            expected="rows",
            got="an empty file",
            remedy="get it again; if nothing happened then, leave it out (as --lenient does)",
        )
    return [m for m in members if m not in empty], [m.place for m in empty]


def _bomb(place: str, unpacked: int, packed: int) -> DataError:
    return DataError(
        place,
        reason="bomb",
        expected=f"at most {RATIO_MOST} bytes for each compressed one",
        got=f"{unpacked} from {packed}",
        remedy="if it is genuine, unpack it first",
    )


def _plain(_member: Member, raw: _Readable, head: bytes) -> Iterator[bytes]:
    while head:
        yield head
        head = raw.read(PIECE_BYTES)


class _Decompressor(Protocol):
    """What zlib's and lzma's have in common, once wrapped."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor, holding what it was given too much of."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data


def _gzip(member: Member, raw: _Readable, head: bytes) -> Iterator[bytes]:
    return _streams(member, raw, head, _Gzip)


def _xz(member: Member, raw: _Readable, head: bytes) -> Iterator[bytes]:
    def start() -> _Decompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)

    return _streams(member, raw, head, start)


def _streams(
    member: Member, raw: _Readable, head: bytes, start: Callable[[], _Decompressor]
) -> Iterator[bytes]:
    """One compressed stream behind the other; zeros may fill up the end."""
    stream = start()
    data = head
    try:
        while True:
            out = stream.decompress(data, PIECE_BYTES)
            if out:
                yield out
            data = b""
            if stream.eof:
                data = stream.unused_data.lstrip(b"\0")
                while not data:
                    more = raw.read(COMPRESSED_PIECE_BYTES)
                    if not more:
                        return
                    data = more.lstrip(b"\0")
                stream = start()
            elif len(out) < PIECE_BYTES:
                data = raw.read(COMPRESSED_PIECE_BYTES)
                if not data:
                    raise _damaged(member, "the end of the file")
    except (zlib.error, lzma.LZMAError) as error:
        raise _damaged(member, str(error)) from None


def _zstd(member: Member, raw: _Readable, head: bytes) -> Iterator[bytes]:
    class Joined:
        """The head, then the rest."""

        closed = False

        def __init__(self) -> None:
            self.head = head

        def read(self, count: int) -> bytes:
            if self.head:
                piece, self.head = self.head[:count], self.head[count:]
                return piece
            return raw.read(count)

        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return False

        def writable(self) -> bool:
            return False

        def close(self) -> None:
            self.closed = True

    try:
        source = pa.PythonFile(Joined(), mode="r")
        with pa.CompressedInputStream(source, "zstd") as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece
    except OSError as error:
        raise _damaged(member, str(error)) from None


_UNPACKERS = {"plain": _plain, "gzip": _gzip, "xz": _xz, "zstd": _zstd}


def _damaged(member: Member, what: str) -> DataError:
    return DataError(
        member.place,
        reason="damaged",
        offset=member.consumed.bytes,
        expected="a whole compressed file",
        got=what,
        remedy="get the file again",
    )
