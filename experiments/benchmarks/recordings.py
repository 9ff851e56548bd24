"""Every real recording comes in by one command, and is like what is known of it.

    python -m experiments.benchmarks.recordings FOLDER [--json]

FOLDER holds recordings that the project does not contain: sample files of LOBSTER, ticks of the
best quotes of three stocks, conversions of Binance's streams, three levels of a future. For each:
rows left out and why, messages (rows of one number), those of the book alone, and fills per second,
and the time with a spread of one tick. Of best quotes, also the lines of the source per second of
the session: each has one side, and half of them repeat the quote that there is, so that the book
has fewer messages. Exit code 1 where rows were left out that nobody asked to leave out, a book of
one venue is crossed, or a figure is not the expected one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.quality import inspect
from calibration.sources.compressed import members_of
from experiments import console
from experiments.ingest import Request, run_ingest
from rlmm_tf.events import EventKind, EventTable

ASKED_FOR = {"outside_hours", "suspicious"}
CSV = Path(__file__).parents[1] / "configs/csv"
CRYPTO = {  # messages of the book per second, of the best quotes, fills
    "binance_cm_BTCUSD_PERP_20240808-09": (69, 75, 8.1),
    "binance_spot_ETHBTC_20201101T09": (1, None, 0.49),
    "binance_spot_ETHUSDT_20240808-09": (10, 90, 22),
    "binance_spot_NEXOUSDT_20240723T1539-20240724T1600": (0.75, 0.38, 0.14),
    "binance_usdm_BTCUSDT_20240718-19": (19, 109, 22.3),
    "binance_usdm_ETHUSDT_20240718-19": (19, 99, 28.5),
}


@dataclass(frozen=True)
class Recording:
    """Files, how they come in, and what is known of them: least and most of a figure."""

    name: str
    format_name: str
    patterns: tuple[str, ...]
    known: Mapping[str, tuple[float, float]]
    mapping: str = ""  # of csv
    venues: bool = False  # of several: they lock and cross each other

    def files(self, folder: Path) -> list[Path]:
        """In order of time."""
        return sorted(path for pattern in self.patterns for path in folder.glob(pattern))


def _about(value: float) -> tuple[float, float]:
    return (0.93 * value, 1.07 * value)


def _share(value: float) -> tuple[float, float]:
    return (value - 0.04, value + 0.04)


def _equities() -> Iterator[Recording]:
    folder = "equities_lobster"
    known = {
        f"{folder}/*AAPL*_1.zip": {"messages_per_s": 5.06, "fills_per_s": 1.50, "median_ticks": 15},
        f"{folder}/*AMZN*_5.zip": {"messages_per_s": 6.66, "fills_per_s": 0.49, "median_ticks": 12},
        f"{folder}/*_50.csv.xz": {"messages_per_s": 25.6, "fills_per_s": 1.74},
    }
    for pattern, figures in known.items():
        about = {name: _about(value) for name, value in figures.items()}
        yield Recording(pattern, "lobster", (pattern,), about)
    ticks = {
        "bac": (24.1, 12.4, 4.75, 1, 0.99),
        "aig": (51.6, 24.8, 1.72, 1, 0.98),
        "ibm": (5.2, 2.19, 1.2, 4, 0.08),
    }
    for symbol, (lines, book, fills, median, one_tick) in ticks.items():
        about = {"quote_lines_per_s": _about(lines)}
        about |= {"book_per_s": _about(book), "fills_per_s": _about(fills)}
        about |= {"median_ticks": _about(median), "one_tick": _share(one_tick)}
        pattern = f"equities_nbbo/{symbol}_*.zip"
        yield Recording(symbol, "lean", (pattern,), about, venues=True)


def _crypto() -> Iterator[Recording]:
    for name, (book, quotes, fills) in CRYPTO.items():
        one_tick = {"ETHBTC": 0.72, "NEXO": 0.784}
        share = next((value for part, value in one_tick.items() if part in name), 0.975)
        known = {"book_per_s": _about(book), "fills_per_s": _about(fills)}
        files = (f"crypto/{name}.book.jsonl.xz", f"crypto/{name}.trades.csv.xz")
        yield Recording(name, "bybit", files, {**known, "one_tick": _share(share)})
        if quotes is not None:
            known = {"book_per_s": _about(quotes), "one_tick": _share(share)}
            bbo = (f"crypto/{name}.bbo.csv.xz",)
            yield Recording(f"{name} bbo", "csv", bbo, known, mapping="best-quotes.yaml")


RECORDINGS = (
    *_equities(),
    *_crypto(),
    Recording(
        "SGX_A50",
        "csv",
        ("futures/SGX_A50*.csv.xz",),
        {"median_ticks": (1, 1), "one_tick": _share(0.87)},
        mapping="sgx-three-levels.yaml",
    ),
)


def quote_lines(files: Sequence[Path], rejected: Mapping[str, int], trades: int) -> int:
    """Lines of best quotes that were read: all but what was left out and the trades."""
    members = [member for path in files for member in members_of(path)]
    lines = sum(piece.count(b"\n") for member in members for piece in member.pieces())
    return lines - sum(rejected.values()) - trades


def figures(recording: Recording, folder: Path, table: Path) -> dict[str, Any]:
    """What there is to say about one."""
    request = Request(
        format_name=recording.format_name,
        files=tuple(recording.files(folder)),
        out=table,
        mapping=CSV / recording.mapping if recording.mapping else None,
    )
    result = run_ingest(request, progress=lambda *_: None)
    quality = inspect(table, show=lambda *_: None)
    events = EventTable.read(table)
    seq = events.column("seq")
    messages = len(np.unique(seq))
    trades = len(np.unique(seq[events.column("kind") == EventKind.TRADE]))
    seconds = (quality.end_ns - quality.start_ns - quality.closed_ns) / 1e9
    values = quality.as_json()
    of_tape = {}
    if recording.venues:
        lines = quote_lines(request.files, result["rejected"], quality.fills)
        of_tape["quote_lines_per_s"] = lines / seconds
    return {
        **of_tape,
        "rows": quality.rows,
        "rejected": result["rejected"],
        "tick_size": result["tick_size"],
        "messages_per_s": messages / seconds,
        "book_per_s": (messages - trades) / seconds,
        "fills_per_s": quality.fills_per_s,
        "median_ticks": quality.spread_median_ticks,
        "one_tick": quality.spread_share.get(1, 0.0),
        "locked_share": values["locked_share"],
        "crossed_share": values["crossed_share"],
    }


def objections(recording: Recording, values: Mapping[str, Any]) -> list[str]:
    """What is not as it should be."""
    found = [
        f"{name}: expected {least:.4g} to {most:.4g}, got {values[name]:.4g}"
        for name, (least, most) in recording.known.items()
        if not least <= values[name] <= most
    ]
    found += [f"rejected: {reason}" for reason in values["rejected"] if reason not in ASKED_FOR]
    if values["crossed_share"] > 0 and not recording.venues:
        found.append(f"crossed_share: expected 0, got {values['crossed_share']:.4g}")
    return found


def main(argv: Sequence[str]) -> int:
    """Exit code 1: an objection."""
    parser = argparse.ArgumentParser(prog="experiments.benchmarks.recordings")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    results = {}
    for recording in RECORDINGS:
        with tempfile.TemporaryDirectory() as scratch:
            values = figures(recording, arguments.folder, Path(scratch) / "x.parquet")
        results[recording.name] = {**values, "objections": objections(recording, values)}
    if arguments.json:
        console.write_json(results)
    else:
        console.write_values("recordings", results)
    return int(any(values["objections"] for values in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
