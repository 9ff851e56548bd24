"""Bytes of recordings, whatever they are packed in: by their first bytes, never by their names."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import pyarrow as pa

from calibration.sources.problems import DataError

PIECE_BYTES = 1 << 20
# Text of order books shrinks 5 to 60 times; 1 GiB of zeros 1000 times (gzip) or 32 000 (zstd).
RATIO_MOST = 1000
RATIO_FREE_BYTES = 64 << 20
XZ_MEMORY_BYTES = 1 << 28
MEMBERS_MOST = 10_000

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\x00", "xz"))
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
                yield from _unpacked(self, raw)
                return
            with (
                _zip_errors(self),
                zipfile.ZipFile(raw) as archive,
                archive.open(self.inner) as stream,
            ):
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
            raw.seek(0)
            with _zip_errors(Member(path)), zipfile.ZipFile(raw) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir()]
                if len(infos) > MEMBERS_MOST:
                    raise DataError(
                        str(path), expected=f"at most {MEMBERS_MOST} files", got=str(len(infos))
                    )
                return [Member(path, info.filename) for info in sorted(infos, key=_zip_name)]
    except OSError as error:
        what = error.strerror or str(error)
        raise DataError(str(path), expected="a readable file", got=what) from None


def _zip_name(info: zipfile.ZipInfo) -> str:
    return info.filename


class _zip_errors:
    """zipfile's exceptions as ours."""

    def __init__(self, member: Member) -> None:
        self._member = member

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        wrong = (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error)
        if isinstance(error, wrong) and not isinstance(error, DataError):
            raise DataError(
                self._member.place,
                reason="damaged",
                expected="a whole zip archive without a password",
                got=str(error),
                remedy="get the file again",
            ) from None


def _unpacked(member: Member, raw: BinaryIO) -> Iterator[bytes]:
    """Bytes of the stream, decompressed if they begin like a compressed file."""
    head = _read(member, raw)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            pieces = _UNPACKERS[kind](member, raw, head)
            break
    else:
        pieces = _plain(member, raw, head)
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > max(RATIO_FREE_BYTES, RATIO_MOST * member.consumed.bytes):
            raise DataError(
                member.place,
                reason="bomb",
                expected=f"at most {RATIO_MOST} bytes for each compressed one",
                got=f"{total} from {member.consumed.bytes}",
                remedy="if it is genuine, unpack it first",
            )
        yield piece


def _read(member: Member, raw: BinaryIO) -> bytes:
    piece = raw.read(PIECE_BYTES)
    member.consumed.bytes += len(piece)
    return piece


def _plain(member: Member, raw: BinaryIO, head: bytes) -> Iterator[bytes]:
    while head:
        yield head
        head = _read(member, raw)


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


def _gzip(member: Member, raw: BinaryIO, head: bytes) -> Iterator[bytes]:
    return _streams(member, raw, head, _Gzip)


def _xz(member: Member, raw: BinaryIO, head: bytes) -> Iterator[bytes]:
    def start() -> _Decompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)

    return _streams(member, raw, head, start)


def _streams(
    member: Member, raw: BinaryIO, head: bytes, start: Callable[[], _Decompressor]
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
                    more = _read(member, raw)
                    if not more:
                        return
                    data = more.lstrip(b"\0")
                stream = start()
            elif len(out) < PIECE_BYTES:
                data = _read(member, raw)
                if not data:
                    raise _damaged(member, "the end of the file")
    except (zlib.error, lzma.LZMAError) as error:
        raise _damaged(member, str(error)) from None


def _zstd(member: Member, raw: BinaryIO, head: bytes) -> Iterator[bytes]:
    class Joined:
        """The head, then the rest."""

        closed = False

        def __init__(self) -> None:
            self.head = head

        def read(self, count: int) -> bytes:
            if self.head:
                piece, self.head = self.head[:count], self.head[count:]
                return piece
            piece = raw.read(count)
            member.consumed.bytes += len(piece)
            return piece

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


_UNPACKERS = {"gzip": _gzip, "xz": _xz, "zstd": _zstd}


def _damaged(member: Member, what: str) -> DataError:
    return DataError(
        member.place,
        reason="damaged",
        offset=member.consumed.bytes,
        expected="a whole compressed file",
        got=what,
        remedy="get the file again",
    )
