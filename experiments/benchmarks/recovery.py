"""Whether estimators find the parameters that made the data, and whether their intervals cover.

    python -m experiments.benchmarks.recovery --replications 100 --out runs/recovery.jsonl
    python -m experiments.benchmarks.recovery --estimators fill_rate,garch --replications 1000

Each replication draws data from a model with known parameters (`recovery_cases.py`) and estimates
them; with data of --scales 1,4 times the size too. A line of JSON for each goes to --out, and those
that are there already are not computed again, so that a stopped run goes on where it was. At the
end: the coverage of the 95 % intervals (of all parameters together, and the worst), the bias in
standard errors of the mean, and by what the root mean square error falls when there are four times
the data (0.5 in theory). Replication r of an estimator draws from a generator of its own, named by
seed, estimator, r and scale.

Exit code 1 when a coverage of all parameters together lies outside of what is promised: 90 to
99 % below 1000 replications, 93 to 97 % from there on; or a number is chosen rightly in less than
90 %.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.arguments import counts, positive
from experiments.benchmarks.lines import Row, append, rows_with
from experiments.benchmarks.recovery_cases import CASES
from rlmm_tf.seeding import seed_sequence

BANDS = ((1000, (0.93, 0.97)), (0, (0.90, 0.99)))
CHOICES_LEAST = 0.90
NORMAL_95 = 1.959963984540054


def identity(row: Row) -> tuple[str, int, int, int]:
    """What a line is of."""
    return row["estimator"], row["scale"], row["replication"], row["seed"]


def replicate(estimator: str, scale: int, replication: int, seed: int) -> Row:
    """One line: what was estimated, its standard error, and the truth; or why there is nothing."""
    name = zlib.crc32(estimator.encode())
    rng = np.random.default_rng(seed_sequence(seed, name, scale, replication))
    began = time.process_time()
    try:
        values: Any = CASES[estimator](rng, scale)
        failed = ""
    except RuntimeError as error:
        values, failed = {}, str(error)
    return {
        "estimator": estimator,
        "scale": scale,
        "replication": replication,
        "seed": seed,
        "seconds": round(time.process_time() - began, 4),
        "failed": failed,
        "values": {key: list(entry) for key, entry in values.items()},
    }


def summary(rows: Sequence[Row], estimator: str, scale: int) -> Row:
    """What the replications of one estimator say."""
    mine = [row for row in rows if (row["estimator"], row["scale"]) == (estimator, scale)]
    good = [row for row in mine if row["values"]]
    found: Row = {
        "estimator": estimator,
        "scale": scale,
        "replications": len(mine),
        "failed": len(mine) - len(good),
        "seconds": float(np.mean([row["seconds"] for row in mine])),
    }
    if not good:
        return found
    names = list(good[0]["values"])
    table = np.array([[row["values"][name] for name in names] for row in good], dtype=np.float64)
    estimates, errors, truths = np.moveaxis(table, 2, 0)
    if np.isnan(errors).all():
        return found | {"right": float(np.mean(estimates == truths))}
    miss = estimates - truths
    covered = np.abs(miss) <= NORMAL_95 * errors
    deviation = miss.std(axis=0, ddof=1) if len(good) > 1 else np.full(len(names), np.nan)
    bias = miss.mean(axis=0) / (deviation / math.sqrt(len(good)))
    by_name = covered.mean(axis=0)
    worst, biased = int(np.argmin(by_name)), int(np.argmax(np.abs(bias)))
    return found | {
        "parameters": len(names),
        "coverage": float(covered.mean()),
        "coverage_least": [names[worst], float(by_name[worst])],
        "bias_most": [names[biased], float(bias[biased])],
        "bias_in_errors": float((miss.mean(axis=0) / deviation)[biased]),
        "rmse": dict(zip(names, np.sqrt((miss**2).mean(axis=0)).tolist(), strict=True)),
    }


def falls(small: Row, large: Row) -> float:
    """The median ratio of root mean square errors, with four times the data to with one."""
    return float(
        np.median([large["rmse"][name] / small["rmse"][name] for name in small.get("rmse", ())])
    )


def problems(row: Row) -> list[str]:
    """What breaks the promise."""
    label = f"{row['estimator']} x {row['scale']}"
    if "right" in row:
        ok = row["right"] >= CHOICES_LEAST
        return [] if ok else [f"{label}: right in {row['right']:.1%}, expected {CHOICES_LEAST:.0%}"]
    if "coverage" not in row:
        return [f"{label}: no replication gave an estimate"]
    low, high = next(band for least, band in BANDS if row["replications"] >= least)
    ok = low <= row["coverage"] <= high
    text = f"{label}: coverage {row['coverage']:.1%}, expected {low:.0%} to {high:.0%}"
    return [] if ok else [text]


def line(row: Row, fall: float | None) -> str:
    """A line for people."""
    head = f"{row['estimator']:20} x{row['scale']} {row['replications']:5} replications"
    tail = f"{row['seconds']:.3f} s each, {row['failed']} failed"
    if "right" in row:
        return f"{head}  right {row['right']:.1%}  {tail}"
    if "coverage" not in row:
        return f"{head}  {tail}"
    least, bias = row["coverage_least"], row["bias_most"]
    ratio = "" if fall is None else f"  RMSE x{fall:.2f} with 4x data"
    return (
        f"{head}  coverage {row['coverage']:.1%} (least {least[1]:.1%}, {least[0]})  "
        f"bias {bias[1]:+.1f} errors of the mean ({bias[0]}){ratio}  {tail}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--estimators", default=",".join(CASES), help="separated by commas")
    parser.add_argument("--replications", type=positive, default=100)
    parser.add_argument("--scales", type=counts, default=[1, 4], help="sizes of the data")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="lines of JSON, kept from run to run")
    parser.add_argument("--json", action="store_true", help="the summaries as JSON")
    options = parser.parse_args(argv)
    chosen = options.estimators.split(",")
    unknown = [name for name in chosen if name not in CASES]
    if unknown:
        parser.error(f"--estimators: expected some of {', '.join(CASES)}, got {unknown[0]}")
    rows = {identity(row): row for row in rows_with(options.out, {"estimator", "values"})}
    for estimator in chosen:
        for scale in options.scales:
            for replication in range(options.replications):
                key = (estimator, scale, replication, options.seed)
                if key in rows:
                    continue
                rows[key] = replicate(estimator, scale, replication, options.seed)
                if options.out is not None:
                    append(options.out, rows[key])
    asked = [
        row
        for row in rows.values()
        if row["seed"] == options.seed and row["replication"] < options.replications
    ]
    return report(asked, chosen, options.scales, as_json=options.json)


def report(
    rows: Sequence[Row], chosen: Sequence[str], scales: Sequence[int], *, as_json: bool
) -> int:
    """Print the summaries; 1 when a promise is broken."""
    broken = []
    summaries: list[Row] = []
    for estimator in chosen:
        found = {scale: summary(rows, estimator, scale) for scale in scales}
        for scale, row in found.items():
            with_four = scale == 4 and 1 in found and "rmse" in row and "rmse" in found[1]
            fall = falls(found[1], row) if with_four else None
            summaries.append(row | ({} if fall is None else {"rmse_ratio": fall}))
            broken += problems(row)
            if not as_json:
                sys.stdout.write(line(row, fall) + "\n")
    if as_json:
        sys.stdout.write(json.dumps(summaries, indent=1) + "\n")
    for text in broken:
        sys.stderr.write(text + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
