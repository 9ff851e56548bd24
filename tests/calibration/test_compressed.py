"""What files are packed in: by their first bytes, in pieces, with bounds for what is hostile."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from calibration.sources import compressed
from calibration.sources.compressed import PIECE_BYTES, head_of, members_of
from calibration.sources.ingest import ingest
from calibration.sources.plan import Options
from calibration.sources.problems import DataError
from tests.calibration.conftest import Ingest
from tests.calibration.defects import FORMATS, Format

TEXT = b"".join(b"%d,%d\n" % (i, i * i) for i in range(20_000))


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return packed


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstd,
    "zip": lambda data: zipped({"x": data}),
}
STREAMS = ("gzip", "xz", "zstd")


def unpacked(path: Path) -> bytes:
    pieces = [piece for member in members_of(path) for piece in member.pieces()]
    assert max(map(len, pieces), default=0) <= PIECE_BYTES
    return b"".join(pieces)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "x.csv"  # the name says nothing about what is inside
        path.write_bytes(data)
        return path

    return write


def reason(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        unpacked(path)
    assert caught.value.expected
    assert str(path) in caught.value.where
    return caught.value.reason


@pytest.mark.parametrize("kind", PACKERS)
def test_every_packing_by_its_first_bytes(file: Callable[[bytes], Path], kind: str) -> None:
    path = file(PACKERS[kind](TEXT))
    assert unpacked(path) == TEXT
    (member,) = members_of(path)
    assert head_of(member, 10) == TEXT[:10]
    assert member.consumed.bytes == 0
    for _ in member.pieces():
        assert 0 < member.consumed.bytes <= path.stat().st_size
    assert member.consumed.bytes > 0.9 * path.stat().st_size - 200


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_one_behind_the_other(file: Callable[[bytes], Path], kind: str) -> None:
    halves = PACKERS[kind](TEXT[:7_001]) + PACKERS[kind](b"") + PACKERS[kind](TEXT[7_001:])
    assert unpacked(file(halves)) == TEXT
    many = b"".join(PACKERS[kind](TEXT[i : i + 10]) for i in range(0, 5_000, 10))
    assert unpacked(file(many)) == TEXT[:5_000]


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_zeros_behind_the_end_are_no_stream(file: Callable[[bytes], Path], kind: str) -> None:
    assert unpacked(file(PACKERS[kind](TEXT) + bytes(100_000))) == TEXT


def test_frames_that_are_to_be_skipped(file: Callable[[bytes], Path]) -> None:
    frame = b"\x5f\x2a\x4d\x18" + (7).to_bytes(4, "little") + b"skip me"
    packed = PACKERS["zstd"](TEXT)
    assert unpacked(file(frame + packed)) == TEXT
    assert unpacked(file(packed + frame + frame)) == TEXT


def tarred(data: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo("x")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("bzip2", bz2.compress),
        ("lzma", partial(lzma.compress, format=lzma.FORMAT_ALONE)),
        ("lz4", lambda data: pa.compress(data, codec="lz4", asbytes=True)),
        ("7z", lambda data: b"7z\xbc\xaf\x27\x1c" + data),
        ("tar", tarred),
    ],
)
def test_what_is_packed_otherwise_is_named(
    file: Callable[[bytes], Path], name: str, pack: Callable[[bytes], bytes]
) -> None:
    path = file(pack(TEXT))
    with pytest.raises(DataError, match=f"zst, xz or zip, got {name}; unpack it first") as caught:
        unpacked(path)
    assert caught.value.file == str(path)


@pytest.mark.parametrize("inner", STREAMS)
def test_packed_files_in_an_archive(file: Callable[[bytes], Path], inner: str) -> None:
    assert unpacked(file(zipped({"x": PACKERS[inner](TEXT)}))) == TEXT


@pytest.mark.parametrize("kind", [*STREAMS, "zip"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_cut_off_files(file: Callable[[bytes], Path], kind: str, part: float) -> None:
    whole = PACKERS[kind](TEXT)
    assert reason(file(whole[: int(part * len(whole))])) == "damaged"


def outcome(path: Path) -> str:
    """Read, or why not."""
    try:
        assert len(unpacked(path)) <= 64 << 20
    except DataError as error:
        return error.reason
    return "read"


@pytest.mark.parametrize("kind", [*STREAMS, "zip"])
@pytest.mark.parametrize("seed", range(5))
def test_damaged_bytes_are_errors_or_harmless(
    file: Callable[[bytes], Path], kind: str, seed: int
) -> None:
    whole = PACKERS[kind](TEXT[:3000])
    generator = np.random.default_rng([7, seed])
    outcomes = set()
    for _ in range(200):
        data = np.frombuffer(whole, np.uint8).copy()
        places = generator.integers(len(data), size=generator.integers(1, 6))
        data[places] = generator.integers(256, size=len(places))
        outcomes.add(outcome(file(data.tobytes())))
    assert "damaged" in outcomes
    # A flag of a zip that has changed may ask for a password.
    assert outcomes <= {"read", "damaged", "bomb"} | ({"packed"} if kind == "zip" else set())


def test_every_single_bit_of_a_zip(file: Callable[[bytes], Path]) -> None:
    whole = zipped({"a": TEXT[:200]})
    outcomes = set()
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        outcomes.add(outcome(file(bytes(data))))
    assert outcomes <= {"read", "damaged", "bomb", "packed"}


@pytest.mark.parametrize("kind", [*STREAMS, "zip"])
def test_bombs_stop_at_the_bound(file: Callable[[bytes], Path], kind: str) -> None:
    bomb = PACKERS[kind](bytes(80 << 20))
    assert len(bomb) < 100_000
    path = file(bomb)
    read: list[int] = []
    with pytest.raises(DataError, match="at most 1000 bytes for each compressed one"):
        read.extend(len(piece) for member in members_of(path) for piece in member.pieces())
    assert sum(read) <= compressed.RATIO_FREE_BYTES


def test_bombs_in_an_archive(file: Callable[[bytes], Path]) -> None:
    inner = zstd(bytes(80 << 20))
    assert reason(file(zipped({"a": inner}))) == "bomb"
    many = zipped({f"{n}": bytes(8 << 20) for n in range(10)})
    with pytest.raises(DataError, match="at most 1000 bytes") as caught:
        members_of(file(many))
    assert caught.value.reason == "bomb"


def test_archives_of_very_many_files(
    file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(zipped({f"{n}": b"" for n in range(20)}))
    assert len(members_of(path)) == 20
    monkeypatch.setattr(compressed, "MEMBERS_MOST", 19)
    with pytest.raises(DataError, match="at most 19 files"):
        members_of(path)
    monkeypatch.setattr(compressed, "DIRECTORY_MOST_BYTES", 100)
    with pytest.raises(DataError, match="at most 100 bytes of directory"):
        members_of(path)


@pytest.mark.parametrize(
    "name", ["../../outside", "/etc/outside", "C:\\outside", "a/../../outside", "x\n\x1b[31m"]
)
def test_hostile_names_are_only_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "x.zip"
    path.write_bytes(zipped({name: TEXT, "folder/": b""}))
    before = sorted(tmp_path.rglob("*"))
    assert unpacked(path) == TEXT
    assert sorted(tmp_path.rglob("*")) == before


def test_archives_that_cannot_be_bounded_or_read(file: Callable[[bytes], Path]) -> None:
    with pytest.raises(DataError, match="files with names"):
        members_of(file(zipped({"\0": TEXT})))
    path = file(zipped({"a": TEXT}, zipfile.ZIP_LZMA))
    with pytest.raises(DataError, match="stored or deflated"):
        members_of(path)
    twice = bytearray(zipped({"a": TEXT, "b": TEXT}))
    at = twice.rfind(b"PK\x01\x02")
    twice[at + 46] = ord("a")
    with pytest.raises(DataError, match="each name once"):
        members_of(file(bytes(twice)))
    # A password, patches, encryption throughout: whole, but not to be opened.
    for flag, name in ((0x01, "password"), (0x20, "patched"), (0x40, "encryption")):
        closed = bytearray(zipped({"a": TEXT}))
        for at in (6, closed.find(b"PK\x01\x02") + 8):
            closed[at] |= flag
        with pytest.raises(DataError, match=f"got .*{name}.*; unpack it first") as caught:
            unpacked(file(bytes(closed)))
        assert caught.value.reason == "packed"
    newer = bytearray(zipped({"a": TEXT}))
    newer[newer.find(b"PK\x01\x02") + 6] = 84
    with pytest.raises(DataError, match=r"got zip file version 8\.4"):
        members_of(file(bytes(newer)))
    folder = path.parent
    with pytest.raises(DataError, match="expected a file, got a folder"):
        members_of(folder)
    with pytest.raises(DataError, match="expected a readable file, got No such file"):
        members_of(folder / "nothing")


def test_memory_that_xz_asks_for_is_bounded(
    file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compressed, "XZ_MEMORY_BYTES", 1 << 18)
    assert reason(file(lzma.compress(TEXT, preset=1))) == "damaged"


def test_gzip_headers_without_end(file: Callable[[bytes], Path]) -> None:
    name = b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 500_000  # a name that never ends
    assert reason(file(name)) == "damaged"


@pytest.mark.parametrize("format_", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("kind", ["xz", "zstd", "zip"])
def test_packed_recordings_are_the_recordings(
    ingest_files: Ingest, format_: Format, kind: str
) -> None:
    plain = ingest_files(format_.name, format_.files, **format_.options)
    files: dict[str, str | bytes] = {}
    for name, text in format_.files.items():
        data = text.encode()
        files[name] = zipped({name: data}) if kind == "zip" else PACKERS[kind](data)
    packed = ingest_files(format_.name, files, **format_.options)
    assert packed.table.table.equals(plain.table.table)


@pytest.mark.parametrize("strict", [True, False])
def test_a_line_of_two_gibibytes_stops_at_16_mib(tmp_path: Path, strict: bool) -> None:
    path = tmp_path / "x.jsonl"
    with path.open("wb") as raw:
        raw.write(b"{")
        raw.truncate(5 << 29)  # 2.5 GiB, most of it a hole
    consumed: list[float] = []
    with pytest.raises(DataError) as caught:
        ingest(
            "bybit",
            [path],
            tmp_path / "x.parquet",
            Options(strict=strict),
            show=lambda done, *_: consumed.append(done),
        )
    assert caught.value.reason == "line_too_long"
    assert "16 MiB" in caught.value.expected
    assert max(consumed) < 20 << 20
