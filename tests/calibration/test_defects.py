"""The catalogue of defects: each is refused with its place, and counted by a lenient reading."""

from __future__ import annotations

from typing import Any

import pytest

from calibration.sources.problems import DataError
from tests.calibration.conftest import Ingest
from tests.calibration.defects import BYBIT_LINES, FORMATS, LEVEL_TEXTS, Format

CASES = [
    pytest.param(format_, files, name, line, id=f"{format_.name}-{case}")
    for format_ in FORMATS
    for case, files, name, line in format_.cases()
]


@pytest.mark.parametrize("format_", FORMATS, ids=lambda f: f.name)
def test_the_sound_recordings_are_sound(format_: Format, ingest_files: Ingest) -> None:
    found = ingest_files(format_.name, format_.files, **format_.options)
    assert found.report.rejected == {}
    assert len(found.table) >= 2


def expect_refusal(
    ingest_files: Ingest, format_: Format, files: dict[str, str], name: str, line: int
) -> DataError:
    """Strict, it stops at the place; lenient, it goes on and counts, or stops for good reason."""
    with pytest.raises(DataError) as caught:
        ingest_files(format_.name, files, **format_.options)
    error = caught.value
    assert error.file.endswith(name)
    assert error.expected
    assert error.reason
    assert error.line == line
    lenient = ingest_files(format_.name, files, strict=False, **format_.options)
    assert lenient.report.rejected[error.reason] >= 1
    (problem,) = [p for p in lenient.report.problems if p.reason == error.reason]
    assert (problem.line, problem.file.endswith(name)) == (error.line, True)
    return error


@pytest.mark.parametrize(("format_", "files", "name", "line"), CASES)
def test_damaged_fields(
    format_: Format, files: dict[str, str], name: str, line: int, ingest_files: Ingest
) -> None:
    error = expect_refusal(ingest_files, format_, files, name, line)
    assert error.field
    assert error.remedy


@pytest.mark.parametrize("format_", FORMATS, ids=lambda f: f.name)
def test_at_least_sixty_for_each(format_: Format) -> None:
    count = sum(case.values[0] is format_ for case in CASES)
    if format_.name in {"bybit", "binance"}:
        count += len(LEVEL_TEXTS) + (len(BYBIT_LINES) if format_.name == "bybit" else 0)
    assert count >= 60


def with_second_line(format_: Format, text: str) -> dict[str, str]:
    rows = format_.files["book.jsonl"].splitlines()
    rows[1] = text
    return {**format_.files, "book.jsonl": "\n".join(rows) + "\n"}


@pytest.mark.parametrize(("text", "reason"), BYBIT_LINES)
def test_bybit_lines(text: str, reason: str, ingest_files: Ingest) -> None:
    with pytest.raises(DataError) as caught:
        ingest_files("bybit", with_second_line(FORMATS[1], text))
    assert (caught.value.reason, caught.value.line) == (reason, 2)


@pytest.mark.parametrize("format_", FORMATS[1:3], ids=lambda f: f.name)
@pytest.mark.parametrize(("levels", "reason"), LEVEL_TEXTS)
def test_levels_in_json(format_: Format, levels: str, reason: str, ingest_files: Ingest) -> None:
    second = format_.files["book.jsonl"].splitlines()[1]
    text = second.replace('[["10.2","1"]]', levels)
    assert text != second
    with pytest.raises(DataError) as caught:
        ingest_files(format_.name, with_second_line(format_, text))
    assert (caught.value.reason, caught.value.line) == (reason, 2)


@pytest.mark.parametrize("format_", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("ending", ["bom", "crlf", "no last newline", "blank lines", "gzip"])
def test_harmless_differences(format_: Format, ending: str, ingest_files: Ingest) -> None:
    import gzip

    plain = ingest_files(format_.name, format_.files, **format_.options)
    files: dict[str, Any] = {}
    for name, text in format_.files.items():
        data = text.encode()
        files[name] = {
            "bom": b"\xef\xbb\xbf" + data,
            "crlf": data.replace(b"\n", b"\r\n"),
            "no last newline": data.rstrip(b"\n"),
            "blank lines": data.replace(b"\n", b"\n\n"),
            "gzip": gzip.compress(data),
        }[ending]
    again = ingest_files(format_.name, files, **format_.options)
    assert again.table.table.equals(plain.table.table)


@pytest.mark.parametrize("format_", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_files(format_: Format, content: bytes, ingest_files: Ingest) -> None:
    with pytest.raises(DataError):
        ingest_files(format_.name, dict.fromkeys(format_.files, content), **format_.options)
