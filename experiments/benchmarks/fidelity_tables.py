"""How far simulated markets are from recorded ones, a column for each recording.

    python -m experiments.benchmarks.fidelity_tables recordings/ --out runs/fidelity
    python -m experiments.benchmarks.fidelity_tables a.parquet b.parquet --seed 1 --json

Each recording is calibrated on one part of its time and scored on another: of several sessions
(with closed hours between) on the last third of them, of a market that is always open on the second
half, or on what follows 16 hours if it is shorter than a day and a half, of less than half a day on
every second ten minutes, of less than an hour on the second half. A line of JSON for each goes to
--out/fidelity.jsonl, beside the markets; what is there already is not computed again, so that a
stopped run goes on where it was.

Prints for each gate its value, and `*` where the target is reached, `!` where it is missed even as
a must; then how many gates are reached. Exit code 1 if a recording could not be judged.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.split import CLOSED_NS
from experiments import calibrate, fidelity
from experiments.benchmarks.lines import Row, append, rows_with
from experiments.errors import InputError
from rlmm_tf.events import EventTable
from rlmm_tf.fields import NS_PER_S

BLOCKS = ("even:600s", "odd:600s")
HOUR_S, SHORT_S, LONG_S = 3600, 12 * 3600, 36 * 3600
FIRST_S = 16 * 3600
LINES = "fidelity.jsonl"


class Part(NamedTuple):
    """Some of a recording's time, as the commands' options say it."""

    span: str | None = None
    blocks: str | None = None


def parts_of(ts_ns: NDArray[np.int64]) -> tuple[Part, Part]:
    """What a recording is calibrated and scored on."""
    start_ns = int(ts_ns[0])
    opens = np.flatnonzero(np.diff(ts_ns) >= CLOSED_NS) + 1
    if len(opens):
        sessions = len(opens) + 1
        first = int(opens[sessions - max(sessions // 3, 1) - 1])
        cut_ns = (int(ts_ns[first - 1]) + int(ts_ns[first])) // 2  # while it is closed
    else:
        seconds = (int(ts_ns[-1]) - start_ns) // NS_PER_S
        if HOUR_S <= seconds < SHORT_S:
            return Part(blocks=BLOCKS[0]), Part(blocks=BLOCKS[1])
        first_s = FIRST_S if SHORT_S <= seconds < LONG_S else seconds // 2
        cut_ns = start_ns + first_s * NS_PER_S
    cut = f"{(cut_ns - start_ns) // NS_PER_S}s"
    return Part(span=f",{cut}"), Part(span=f"{cut},")


def judge(recording: Path, folder: Path, seed: int) -> Row:
    """One line: the gates of a recording's own model; or why there are none."""
    began = time.process_time()
    market = folder / f"{recording.stem}.{seed}.json"
    for left in (market, market.with_name(f"{market.name}.html")):  # of a run that was stopped
        left.unlink(missing_ok=True)
    row: Row = {"recording": recording.name, "seed": seed, "failed": ""}
    try:
        ts_ns = EventTable.read(recording).column("ts_recv")
        fitted, scored = parts_of(ts_ns)
        row |= {"fitted": fitted, "scored": scored}
        request = calibrate.Request((recording,), market, fitted.span, fitted.blocks, seed=seed)
        values, _ = calibrate.run_calibrate(request, _silent)
        row["cautions"] = [f"{each['part']}: {each['text']}" for each in values["cautions"]]
        wanted = fidelity.Request(recording, market, scored.span, scored.blocks, seed=seed)
        found = fidelity.run_fidelity(wanted, progress=_silent)
    except (InputError, ValueError) as error:
        return row | {"failed": str(error)}
    row |= {name: found[name] for name in ("windows", "gates", "facts", "columns", "goodness")}
    return row | {"seconds": round(time.process_time() - began, 1)}


def _silent(done: float, total: float, label: str = "") -> None:
    """No progress is shown: it may run for hours, with its output in a file."""


def table(rows: Sequence[Row]) -> list[str]:
    """Lines for people."""
    judged = [row for row in rows if not row["failed"]]
    lines = [f"{row['recording']}: {row['failed']}" for row in rows if row["failed"]]
    if not judged:
        return lines
    width = max(12, *(len(Path(row["recording"]).stem[:20]) + 2 for row in judged))
    names = "".join(f"{Path(row['recording']).stem[:20]:>{width}}" for row in judged)
    lines.append(f"{'':6}{names}  metric")
    for gates in zip(*(row["gates"] for row in judged), strict=True):
        values = "".join(f"{_shown(gate):>{width}}" for gate in gates)
        lines.append(f"{gates[0]['name']:6}{values}  {gates[0]['metric'].partition('(')[0]}")
    for label, wanted in (("must", True), ("missed", False)):
        counts = "".join(
            f"{sum(gate['must'] is wanted for gate in row['gates']):>{width}}" for row in judged
        )
        lines.append(f"{label:6}{counts}  gates")
    return lines


def _shown(gate: dict[str, Any]) -> str:
    if gate["must"] is None:
        return "-"
    value = "none" if gate["value"] is None else f"{gate['value']:.3g}"
    mark = "*" if gate["target"] else " " if gate["must"] else "!"
    return value + mark


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", type=Path, nargs="+", help="event tables, or folders of them")
    parser.add_argument("--out", type=Path, required=True, help="a folder, kept from run to run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="the lines as JSON")
    options = parser.parse_args(argv)
    paths: list[Path] = []
    for given in options.recordings:
        paths += sorted(given.glob("*.parquet")) if given.is_dir() else [given]
    missing = [path for path in paths if not path.is_file()]
    if missing or not paths:
        parser.error(f"recordings: expected event tables, got {missing[0] if missing else 'none'}")
    options.out.mkdir(parents=True, exist_ok=True)
    lines = options.out / LINES
    known = {(row["recording"], row["seed"]): row for row in rows_with(lines, {"recording"})}
    rows = []
    for path in paths:
        key = (path.name, options.seed)
        if key not in known:
            known[key] = judge(path, options.out, options.seed)
            append(lines, known[key])
        rows.append(known[key])
    shown = [json.dumps(row) for row in rows] if options.json else table(rows)
    sys.stdout.write("\n".join(shown) + "\n")
    return 1 if any(row["failed"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
