"""`rlmm ingest`: a vendor's files in, a canonical event table and an account of them out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calibration.sources.ingest import ingest
from calibration.sources.plan import Options
from calibration.sources.problems import DataError
from calibration.sources.registry import FORMATS, USES
from experiments.console import Progress
from experiments.errors import InputError, Problem, did_you_mean, listed, shown, shown_place
from experiments.yaml_reader import read_file


@dataclass(frozen=True)
class Request:
    """What `rlmm ingest` was asked."""

    format_name: str
    files: tuple[Path, ...]
    out: Path
    lenient: bool = False
    symbol: str = ""
    venue: str = ""
    tick_size: str = ""
    lot_size: str = ""
    date: str = ""
    zone: str = ""
    all_hours: bool = False
    mapping: Path | None = None


def run_ingest(request: Request, *, progress: Progress) -> dict[str, Any]:
    """Read the files and write the table; returns what there is to say about it.

    Raises:
        InputError: the files, or what was asked, cannot be used.
    """
    _require_usable(request)
    began = time.perf_counter()
    try:
        report = ingest(
            request.format_name, request.files, request.out, _options(request), show=progress
        )
    except DataError as error:
        raise InputError([Problem(shown_place(error.where), error.message)]) from None
    seconds = time.perf_counter() - began
    return {
        **asdict(report),
        "out": str(request.out),
        "source_bytes": sum(path.stat().st_size for path in request.files),
        "seconds": seconds,
        "rows_per_s": report.rows / seconds,
    }


def _require_usable(request: Request) -> None:
    problems = []
    if request.format_name not in FORMATS:
        hint = did_you_mean(request.format_name, FORMATS)
        expected = f"expected {listed(FORMATS)}, got {shown(request.format_name)!r}{hint}"
        problems.append(Problem("FORMAT", expected))
    else:
        problems += _unused(request)
    for path in request.files:
        if not path.is_file():
            problems.append(Problem("FILE", f"expected a file, got {shown_place(path)}"))
    if request.out.exists():
        message = f"expected no file there, got {shown_place(request.out)}; remove it or choose "
        problems.append(Problem("--out", message + "another name"))
    elif not request.out.parent.is_dir():
        folder = shown_place(request.out.parent)
        problems.append(Problem("--out", f"expected a folder that exists, got {folder}; create it"))
    if problems:
        raise InputError(problems)


def _unused(request: Request) -> Iterator[Problem]:
    """Options that the format has no use for: whoever gives one expects something of it."""
    for name, formats in USES.items():
        if getattr(request, name) and request.format_name not in formats:
            option = f"--{name.replace('_', '-')}"
            expected = f"expected with {listed(sorted(formats))} only, got it with "
            yield Problem(option, f"{expected}{request.format_name}; leave it out")


def _options(request: Request) -> Options:
    mapping: dict[str, Any] = {}
    if request.mapping is not None:
        document = read_file(request.mapping)
        if document.problems:
            raise InputError(document.problems)
        mapping = document.value
    return Options(
        symbol=request.symbol,
        venue=request.venue,
        tick_size=request.tick_size,
        lot_size=request.lot_size,
        date=request.date,
        zone=request.zone,
        all_hours=request.all_hours,
        strict=not request.lenient,
        mapping=mapping,
    )


def for_people(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result with a line for each problem."""
    problems = {
        problem["reason"]: f"{problem['count']:,} {problem['severity']}, first in line "
        f"{problem['line']} of {shown_place(problem['file'])}; {problem['remedy']}"
        for problem in result["problems"]
    }
    left = ("problems", "rejected", "ignored", "start_ns", "end_ns")
    return {
        **{name: value for name, value in result.items() if name not in left},
        "ignored": len(result["ignored"]),
        "found": problems,
    }
