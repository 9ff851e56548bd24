"""How fast recordings come in, and in how much memory.

    python -m experiments.benchmarks.ingest [--repeats 5] [--mib 64] [--json]
    python -m experiments.benchmarks.ingest --memory-mib 1100 [--json]

The first reads LOBSTER's messages with their book files and Bybit's JSON lines with their trades,
as many MiB of each (the bundled sample again and again, in plain files), into columns with one
thread: rows of the message file and bytes of the book's messages per second of a processor, so that
other work on the machine counts less. The whole command, `rlmm ingest` with its parquet file, is
timed too, by the clock. With --lobster or --bybit it reads those files instead. Medians of the
repeats.

The second makes a Bybit recording of that size, runs `rlmm ingest` on it in a process of its own
and says how much memory that held at most; with --require-mib it fails above a bound.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from calibration.sources.compressed import members_of
from calibration.sources.ingest import Reading, ingest
from calibration.sources.plan import Options
from calibration.sources.registry import FORMATS
from experiments import sample
from experiments.benchmarks.arguments import positive, positive_number

MIB = 1 << 20
# What the kernel tells the parent would count the parent's own memory too.
_WATCHED = """
import sys
from experiments import cli
code = cli.main(sys.argv[1:])
sys.stderr.writelines(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
sys.exit(code)
"""
_NUMBERS = re.compile(r'"(ts|cts|u|seq)":(\d+)')


def write_bybit(folder: Path, size_bytes: int) -> list[Path]:
    """The sample's half hour again and again, a snapshot first each time, of so many bytes."""
    bundled = sample.FOLDER
    lines = gzip.decompress((bundled / sample.BYBIT_NAME).read_bytes()).decode().splitlines()
    trades = gzip.decompress((bundled / sample.TRADES_NAME).read_bytes()).decode().splitlines()
    header, *rows = trades
    template = "".join(_template(line) for line in lines)
    times = [row.partition(".") for row in rows]
    paths = [folder / "big.book.jsonl", folder / "big.trades.csv"]
    numbers = [{name: int(value) for name, value in _NUMBERS.findall(line)} for line in lines]
    with paths[0].open("w") as book, paths[1].open("w") as fills:
        fills.write(header + "\n")
        for turn in range(-(-size_bytes // len("\n".join(lines)))):
            later_s = turn * sample.SAMPLE.seconds
            steps = {"ts": 1000 * later_s, "cts": 1000 * later_s, "u": turn * len(lines), "seq": 0}
            values = [n[key] + steps[key] for n in numbers for key in n]
            book.write(template % tuple(values))
            fills.writelines(f"{int(t) + later_s}{dot}{rest}\n" for t, dot, rest in times)
    return paths


def _template(line: str) -> str:
    return _NUMBERS.sub(r'"\1":%d', line.replace("%", "%%")) + "\n"


def write_lobster(folder: Path, size_bytes: int) -> list[Path]:
    """The sample's half hour as many days, of so many bytes; each day's files are links."""
    with zipfile.ZipFile(sample.FOLDER / sample.LOBSTER_NAME) as archive:
        archive.extractall(folder)
        total = sum(info.file_size for info in archive.infolist())
    first = sorted(folder.iterdir())
    paths = []
    for day in range(-(-size_bytes // total)):
        date = f"{2025 + day // 336}-{1 + day // 28 % 12:02d}-{1 + day % 28:02d}"
        for path in first:
            link = folder / re.sub(r"\d{4}-\d\d-\d\d", date, path.name.replace("_", "-day_", 1))
            link.hardlink_to(path)
            paths.append(link)
    return paths


def columns_rate(format_name: str, paths: Sequence[Path]) -> dict[str, float]:
    """Rows and processor time of one reading into columns, which are thrown away."""
    members = [member for path in paths for member in members_of(path)]
    plan = FORMATS[format_name](members, _OPTIONS[format_name])
    began = time.process_time()
    rows = sum(len(columns["kind"]) for columns in Reading(plan, 1, _quiet).columns())
    return {"rows": rows, "cpu_seconds": time.process_time() - began}


def command_seconds(format_name: str, paths: Sequence[Path], out: Path) -> float:
    """The whole ingest, with its table on disk."""
    began = time.perf_counter()
    ingest(format_name, paths, out, _OPTIONS[format_name], show=_quiet)
    seconds = time.perf_counter() - began
    out.unlink()
    return seconds


_OPTIONS = {"lobster": Options(tick_size="0.01"), "bybit": Options(tick_size="0.01")}


def _quiet(done: float, total: float, label: str) -> None:
    del done, total, label


def _lines_and_bytes(paths: Sequence[Path], part: str) -> tuple[int, int]:
    """Of the decompressed files whose name has the part."""
    lines = size = 0
    members = [member for path in paths for member in members_of(path) if part in member.name]
    for member in members:
        for piece in member.pieces():
            lines += piece.count(b"\n")
            size += len(piece)
    return lines, size


def measure(format_name: str, paths: Sequence[Path], repeats: int, folder: Path) -> dict[str, Any]:
    """Medians for one format."""
    part = {"lobster": "message", "bybit": "book"}[format_name]
    lines, size = _lines_and_bytes(paths, part)
    runs = [columns_rate(format_name, paths) for _ in range(repeats)]
    seconds = statistics.median(run["cpu_seconds"] for run in runs)
    whole = statistics.median(
        command_seconds(format_name, paths, folder / "out.parquet") for _ in range(repeats)
    )
    return {
        "messages": lines,
        "mib": size / MIB,
        "table_rows": runs[0]["rows"],
        "messages_per_s_per_core": lines / seconds,
        "mb_per_s_per_core": size / 1e6 / seconds,
        "command_messages_per_s": lines / whole,
        "command_mb_per_s": size / 1e6 / whole,
    }


def speed(arguments: argparse.Namespace) -> dict[str, Any]:
    """Both formats."""
    results: dict[str, Any] = {}
    makers = {"lobster": write_lobster, "bybit": write_bybit}
    for name, make in makers.items():
        with tempfile.TemporaryDirectory() as folder:
            given = getattr(arguments, name)
            paths = given or make(Path(folder), arguments.mib * MIB)
            results[name] = measure(name, paths, arguments.repeats, Path(folder))
    return results


def memory(size_mib: float) -> dict[str, Any]:
    """Peak memory of `rlmm ingest` on a recording of that size."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_bybit(Path(folder), int(size_mib * MIB))
        command = [sys.executable, "-c", _WATCHED, "ingest", "bybit", *map(str, paths), "--json"]
        began = time.perf_counter()
        done = subprocess.run(
            [*command, "--out", f"{folder}/x.parquet"], check=True, capture_output=True, text=True
        )
        return {
            "input_mib": sum(path.stat().st_size for path in paths) / MIB,
            "rows": json.loads(done.stdout)["rows"],
            "peak_mib": int(done.stderr.split()[1]) / 1024,
            "seconds": time.perf_counter() - began,
        }


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="experiments.benchmarks.ingest")
    parser.add_argument("--repeats", type=positive, default=5)
    parser.add_argument("--mib", type=positive, default=64)
    parser.add_argument("--lobster", type=Path, nargs="+")
    parser.add_argument("--bybit", type=Path, nargs="+")
    parser.add_argument("--memory-mib", type=positive_number)
    parser.add_argument("--require-mib", type=positive_number)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Exit code 1: more memory than --require-mib."""
    from experiments import console

    arguments = parse(argv)
    figures = speed(arguments) if arguments.memory_mib is None else memory(arguments.memory_mib)
    if arguments.json:
        console.write_json(figures)
    else:
        console.write_values("ingest", figures)
    bound = arguments.require_mib
    return int(bound is not None and figures.get("peak_mib", 0.0) > bound)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
