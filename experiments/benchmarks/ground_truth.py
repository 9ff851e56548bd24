"""The engine against the exact values of every named problem, in one table.

Each row is an agent on a problem: the optimum of the textbook, the agent's exact value in
continuous time and in the stepped simulator, and what the engine plays. A row agrees when the
stepped value lies in the simulated interval. There are about 35 rows, so each is tested at a
confidence at which one of them fails by chance only once in a hundred tables.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments import console
from experiments.benchmarks.lines import append, rows_with
from experiments.certify import certify
from experiments.config import CertifyConfig
from experiments.errors import shown

CONFIDENCE = 0.9997
RISK_NEUTRAL_AGENTS = ("exact", "fixed", "best_linear")
RISK_AVERSE_AGENTS = ("exact", "avellaneda_stoikov", "glft_asymptotic")
RISK_NEUTRAL_SETS = ("P1", "P1-any-start", "P2", "P3", "P4", "P5", "P6", "P7", "R1")
# Where the inventory is dear, a constant quote's penalties vary so much that 10^8 episodes are few.
DEAR_INVENTORY_SETS = ("P6", "P7")
AGENTS = {
    **dict.fromkeys(RISK_NEUTRAL_SETS, RISK_NEUTRAL_AGENTS),
    **dict.fromkeys(DEAR_INVENTORY_SETS, ("exact", "best_linear")),
    **dict.fromkeys(("CARA-0.01", "CARA-0.1", "CARA-0.5"), RISK_AVERSE_AGENTS),
}
# What a set needs for a meaningful comparison: at the cap of 30 lots CARA-0.5 is decided by states
# that no simulation ever sees.
SET_SETTINGS: dict[str, dict[str, int]] = {"CARA-0.5": {"steps": 1000, "inventory_cap_lots": 8}}
# Times the wanted half-width: few episodes carry the weight, and a quarter of it takes 16 times as
# long.
WIDER = {"CARA-0.5": 4.0}
# Steps at which holding a quote costs the optimal agent less than the interval's half-width.
EXACT_STEPS = {"P7": 5000, "R1": 5000}

Row = dict[str, Any]


def configurations(
    sets: Sequence[str], half_width: float, confidence: float, seeds: int
) -> Iterator[CertifyConfig]:
    """What each row computes, in the order of the table."""
    for set_name in sets:
        for agent in AGENTS[set_name]:
            settings = dict(SET_SETTINGS.get(set_name, {}))
            if agent == "exact" and set_name in EXACT_STEPS:
                settings["steps"] = EXACT_STEPS[set_name]
            yield CertifyConfig(
                set_name=set_name,
                agent=agent,
                seeds=seeds,
                confidence=confidence,
                half_width_fraction=min(1.0, half_width * WIDER.get(set_name, 1.0)),
                steps=settings.get("steps"),
                inventory_cap_lots=settings.get("inventory_cap_lots"),
            )


def identity(config: CertifyConfig) -> Row:
    """The columns that say what a row is of; equal ones need not be computed twice."""
    return {
        "set": config.set_name,
        "agent": config.agent,
        "steps": config.steps,
        "inventory_cap_lots": config.inventory_cap_lots,
        "seeds": config.seeds,
        "confidence": config.confidence,
        "half_width_fraction": config.half_width_fraction,
    }


def measured(config: CertifyConfig, progress: console.Progress) -> Row:
    """One row."""
    result = certify(config, progress=progress)
    exact, simulation = result.exact, result.simulation
    return {
        **identity(config),
        "optimum_textbook": exact.optimum_textbook,
        "exact": exact.agent,
        "stepped": exact.agent_stepped,
        "simulated": simulation.value,
        "half_width": simulation.half_width,
        "episodes": simulation.episodes,
        "agrees": result.exit_ok,
        "note": simulation.note,
    }


def rows(configs: Sequence[CertifyConfig], out: Path | None) -> Iterator[Row]:
    """The rows one after the other, those that are there already from there."""
    there = rows_with(out, {"agrees"})
    for config in configs:
        wanted = identity(config)
        found = next((row for row in there if wanted.items() <= row.items()), None)
        if found is None:
            with console.progress_bar(f"{config.set_name} {config.agent}") as progress:
                found = measured(config, progress)
            if out is not None:
                append(out, found)
        yield found


def write_table(table_rows: Sequence[Row]) -> None:
    """The rows for people."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    table.add_column("set")
    table.add_column("agent")
    for name in ("V* textbook", "exact value", "stepped value", "simulated"):
        table.add_column(name, justify="right")
    table.add_column("agree")
    for row in table_rows:
        values = (f"{row[name]:.5f}" for name in ("optimum_textbook", "exact", "stepped"))
        simulated = f"{row['simulated']:.5f} ± {row['half_width']:.5f}"
        verdict = "yes" if row["agrees"] else "NO"
        table.add_row(row["set"], row["agent"], *values, simulated, verdict)
    width = None if sys.stdout.isatty() else 120
    Console(highlight=False, width=width).print(table)
    for row in table_rows:
        if row["note"]:
            sys.stdout.write(f"{row['set']} {row['agent']}: {shown(row['note'])}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when every row agrees, 1 when one does not, 2 for bad arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.ground_truth",
        description="Compare the engine with the exact values of all named problems.",
        epilog="example: python -m experiments.benchmarks.ground_truth --sets P1 P7 --json",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line per row")
    parser.add_argument("--half-width", type=float, default=0.0025, help="of the value (0.0025)")
    parser.add_argument("--confidence", type=float, default=CONFIDENCE, help=f"({CONFIDENCE})")
    parser.add_argument("--seeds", type=int, default=1, help="independent repetitions (1)")
    parser.add_argument("--sets", nargs="+", choices=tuple(AGENTS), default=list(AGENTS))
    parser.add_argument(
        "--out", type=Path, metavar="FILE.jsonl", help="keep rows; skip those there"
    )
    options = parser.parse_args(arguments)
    try:
        configs = list(
            configurations(options.sets, options.half_width, options.confidence, options.seeds)
        )
    except ValueError as error:
        parser.error(" ".join(str(error).split()))
    finished: list[Row] = []
    for row in rows(configs, options.out):
        finished.append(row)
        if options.json:
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
    if not options.json:
        write_table(finished)
    return 0 if all(row["agrees"] for row in finished) else 1


if __name__ == "__main__":
    sys.exit(main())
