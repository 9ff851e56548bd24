"""What an exchange was told, kept on disk before anybody hears of it.

A folder holds segments `journal-N.log` and, for N above 1, the state at the beginning of segment N
in `state-N.bin`. A segment is an append-only list of records; a record is

    length (4 bytes), CRC-32 (4 bytes), that many bytes: JSON, a list of commands

where the CRC goes over the record before it, too (its CRC is the start value): a record out of
place is as bad as a broken one. The first record of a segment says what it belongs to.

**What is promised.** `append` returns when the record is on the disk (`fsync`), unless `durable` is
false: then the system may lose it in a crash of the machine, though not in one of the process. One
record is one write, and a write that fails, in part or as a whole, is the last: the journal is
`broken` from then on, for nobody knows what is on the disk; who hears of it stops and recovers.

**Recovery.** `read` gives the newest sound state and the records behind it. The last record may be
incomplete (the process was killed, or the disk was full): it was never acknowledged, and is cut
off. A bad record that others follow is damage, and is refused.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

VERSION = 1
RECORD_BYTES_MOST = 64 * 2**20
SEGMENT_BYTES = 64 * 2**20
_HEAD = struct.Struct("<II")
_SEGMENT = re.compile(r"journal-(\d{8})\.log")
_STATE_MAGIC = b"RLMMSTATE1\n"


class JournalError(RuntimeError):
    """The journal cannot be read, or cannot be written any more."""


class Disk(Protocol):
    """The calls that a journal makes; tests let any of them fail."""

    def open(self, path: Path, flags: int) -> int: ...  # noqa: D102
    def write(self, descriptor: int, data: bytes) -> int: ...  # noqa: D102
    def fsync(self, descriptor: int) -> None: ...  # noqa: D102
    def close(self, descriptor: int) -> None: ...  # noqa: D102
    def truncate(self, descriptor: int, length: int) -> None: ...  # noqa: D102
    def rename(self, source: Path, target: Path) -> None: ...  # noqa: D102
    def remove(self, path: Path) -> None: ...  # noqa: D102


class SystemDisk:
    """The operating system's."""

    def open(self, path: Path, flags: int) -> int:
        """Readable by the owner alone."""
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: bytes) -> int:
        """How many bytes it took."""
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """On the disk."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """No longer needed."""
        os.close(descriptor)

    def truncate(self, descriptor: int, length: int) -> None:
        """Cuts off what is behind."""
        os.ftruncate(descriptor, length)

    def rename(self, source: Path, target: Path) -> None:
        """In one piece."""
        source.rename(target)

    def remove(self, path: Path) -> None:
        """Gone."""
        path.unlink()


@dataclass(frozen=True, slots=True)
class Kept:
    """What a journal holds: the state at the beginning of its last segments, and their records."""

    header: dict[str, Any]
    state: bytes | None
    records: list[list[Any]]
    segment: int
    sound_bytes: int  # of the last segment
    checksum: int  # of the last record


class Journal:
    """A journal that is being written; made by `create` or `resume`."""

    def __init__(
        self, folder: Path, segment: int, descriptor: int, written: tuple[int, int], disk: Disk
    ) -> None:
        self.folder = folder
        self.segment = segment
        self.broken = False
        self._descriptor = descriptor
        self.segment_bytes, self._checksum = written
        self._disk = disk

    @classmethod
    def create(cls, folder: Path, header: dict[str, Any], disk: Disk | None = None) -> Journal:
        """A new journal in a folder that has none."""
        disk = disk or SystemDisk()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if segments(folder):
            raise JournalError(f"{folder}: expected a folder without a journal; resume it")
        return _begin(folder, 1, header, disk)

    @classmethod
    def resume(cls, folder: Path, kept: Kept, disk: Disk | None = None) -> Journal:
        """Goes on behind the last sound record, whatever came after it is cut off."""
        disk = disk or SystemDisk()
        descriptor = disk.open(_segment_path(folder, kept.segment), os.O_RDWR | os.O_APPEND)
        disk.truncate(descriptor, kept.sound_bytes)
        disk.fsync(descriptor)
        return cls(folder, kept.segment, descriptor, (kept.sound_bytes, kept.checksum), disk)

    def append(self, commands: list[Any], *, durable: bool = True) -> None:
        """Keeps the commands; JournalError if that is not certain."""
        if self.broken:
            raise JournalError(f"{self.folder}: a write has failed before; stop and recover")
        data, checksum = _record(commands, self._checksum)
        try:
            _write_all(self._disk, self._descriptor, data)
            if durable:
                self._disk.fsync(self._descriptor)
        except OSError as error:
            self.broken = True
            raise JournalError(f"{self.folder}: cannot be written: {error}") from error
        self._checksum = checksum
        self.segment_bytes += len(data)

    def rotate(self, header: dict[str, Any], state: bytes) -> None:
        """A new segment that begins with this state; what is older is removed."""
        number = self.segment + 1
        try:
            _write_state(self.folder, number, state, self._disk)
            new = _begin(self.folder, number, header, self._disk)
            self._disk.close(self._descriptor)
        except OSError as error:
            self.broken = True
            raise JournalError(f"{self.folder}: cannot be written: {error}") from error
        self.segment, self._descriptor = number, new._descriptor
        self.segment_bytes, self._checksum = new.segment_bytes, new._checksum
        self._remove_older()

    def _remove_older(self) -> None:
        for number in segments(self.folder):
            if number >= self.segment:
                continue
            for path in (_segment_path(self.folder, number), _state_path(self.folder, number)):
                if path.exists():
                    self._disk.remove(path)

    def close(self) -> None:
        """Nothing more is written."""
        self.broken = True
        self._disk.close(self._descriptor)


def segments(folder: Path) -> list[int]:
    """The numbers of the segments there."""
    found = (_SEGMENT.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match.group(1)) for match in found if match)


def read(folder: Path) -> Kept | None:
    """What is there to go on from; None if there is no journal."""
    if not folder.is_dir() or not (numbers := segments(folder)):
        return None
    while True:
        number = numbers.pop()
        data = _segment_path(folder, number).read_bytes()
        records, sound, checksum = _sound_records(data, _segment_path(folder, number))
        if records:
            break
        if not numbers:
            raise JournalError(f"{folder}: expected a first record, got none that is whole")
    [header], *batches = records
    if not isinstance(header, dict) or header.get("journal") != VERSION:
        raise JournalError(f"{folder}: expected a journal of version {VERSION}, got another file")
    state = None if number == 1 else _read_state(_state_path(folder, number))
    return Kept(header, state, batches, number, sound, checksum)


def _sound_records(data: bytes, path: Path) -> tuple[list[list[Any]], int, int]:
    records: list[list[Any]] = []
    at, checksum = 0, 0
    for start, end, stated in _frames(data):
        payload = data[start:end]
        if zlib.crc32(payload, checksum) != stated or len(payload) < end - start:
            if end < len(data) and any(data[end:]):
                raise JournalError(f"{path}: expected whole records, got a broken one at byte {at}")
            break  # the last one, never acknowledged
        records.append(json.loads(payload))
        at, checksum = end, stated
    return records, at, checksum


def _frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Start and end of each record's bytes, and the CRC that is stated."""
    at = 0
    while at + _HEAD.size <= len(data):
        length, stated = _HEAD.unpack_from(data, at)
        if length == 0 or length > RECORD_BYTES_MOST:
            length = len(data)  # no length at all: whatever follows cannot be told apart
        at += _HEAD.size
        yield at, at + length, stated
        at += length


def _record(commands: list[Any], checksum: int) -> tuple[bytes, int]:
    payload = json.dumps(commands, separators=(",", ":")).encode()
    if len(payload) > RECORD_BYTES_MOST:
        raise JournalError(f"record: expected at most {RECORD_BYTES_MOST} bytes, got more")
    stated = zlib.crc32(payload, checksum)
    return _HEAD.pack(len(payload), stated) + payload, stated


def _write_all(disk: Disk, descriptor: int, data: bytes) -> None:
    while data:
        written = disk.write(descriptor, data)
        if written <= 0:
            raise OSError(f"expected {len(data)} bytes to be written, got {written}")
        data = data[written:]


def _begin(folder: Path, number: int, header: dict[str, Any], disk: Disk) -> Journal:
    data, checksum = _record([{"journal": VERSION, **header}], 0)
    path = _segment_path(folder, number)
    fresh = path.with_suffix(".new")
    descriptor = disk.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    _write_all(disk, descriptor, data)
    disk.fsync(descriptor)
    disk.rename(fresh, path)
    _sync_folder(folder, disk)
    return Journal(folder, number, descriptor, (len(data), checksum), disk)


def _write_state(folder: Path, number: int, state: bytes, disk: Disk) -> None:
    path = _state_path(folder, number)
    fresh = path.with_suffix(".new")
    descriptor = disk.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    _write_all(disk, descriptor, _STATE_MAGIC + _HEAD.pack(len(state), zlib.crc32(state)) + state)
    disk.fsync(descriptor)
    disk.close(descriptor)
    disk.rename(fresh, path)
    _sync_folder(folder, disk)


def _read_state(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error}") from error
    head = len(_STATE_MAGIC) + _HEAD.size
    if len(data) < head or not data.startswith(_STATE_MAGIC):
        raise JournalError(f"{path}: expected the state of an exchange, got another file")
    length, stated = _HEAD.unpack_from(data, len(_STATE_MAGIC))
    state = data[head:]
    if len(state) != length or zlib.crc32(state) != stated:
        raise JournalError(f"{path}: expected a whole state, got a damaged one")
    return state


def _sync_folder(folder: Path, disk: Disk) -> None:
    descriptor = disk.open(folder, os.O_RDONLY)
    disk.fsync(descriptor)
    disk.close(descriptor)


def _segment_path(folder: Path, number: int) -> Path:
    return folder / f"journal-{number:08d}.log"


def _state_path(folder: Path, number: int) -> Path:
    return folder / f"state-{number:08d}.bin"
