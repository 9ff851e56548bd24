"""Instructions per event of the book market, counted by valgrind: the same on a busy machine.

    python -m experiments.benchmarks.book_instructions [--preset book-large-tick] [--json]

Each figure is the difference of two runs of different lengths, so that the interpreter's start,
the first book and the warm-up are not in it. Takes a minute or two; without valgrind it says so
and ends with exit code 0.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from experiments.benchmarks.book import Agent, Alone
from rlmm_tf.presets import PRESETS

PARTS = ("alone", "agent")
STEPS = (20, 400)  # of both runs
SEED = 0


def work(part: str, name: str, n_steps: int) -> int:
    """What is counted: the events of one market over `n_steps`."""
    if part == "alone":
        return Alone(name, SEED).events(n_steps)
    return Agent(1, 1, name=name, seed=SEED).events(n_steps)


def counted(part: str, name: str, n_steps: int) -> tuple[int, int]:
    """Events and instructions of a run in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out",
            sys.executable, "-m", "experiments.benchmarks.book_instructions",
            "--preset", name, "--work", part, "--steps", str(n_steps),
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment, cwd=Path.cwd()
        )
        match = re.search(r"^(?:summary|totals): (\d+)", Path(folder, "out").read_text(), re.M)
    if match is None:
        raise RuntimeError("callgrind: expected a summary in its output, got none")
    return int(done.stdout), int(match[1])


def measure(name: str) -> dict[str, float]:
    """Instructions per event, alone and with an agent."""
    figures = {}
    for part in PARTS:
        (few, before), (many, after) = (counted(part, name, n) for n in STEPS)
        figures[f"instructions_per_event_{part}"] = (after - before) / (many - few)
        figures[f"events_counted_{part}"] = many - few
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, also where there is no valgrind; 2 for bad arguments."""
    names = [name for name, params in PRESETS.items() if params.market.kind == "book"]
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.book_instructions",
        description="Count the book market's instructions per event by valgrind.",
        epilog="example: python -m experiments.benchmarks.book_instructions --json",
    )
    parser.add_argument("--preset", choices=names, default="book-large-tick")
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    parser.add_argument("--work", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=STEPS[0], help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        sys.stdout.write(f"{work(options.work, options.preset, options.steps)}\n")
        return 0
    if shutil.which("valgrind") is None:
        sys.stdout.write("book_instructions: skipped, valgrind was not found\n")
        return 0
    figures = {"preset": options.preset, **measure(options.preset)}
    lines = [f"{name} {value:.6g}" for name, value in figures.items() if isinstance(value, float)]
    sys.stdout.write((json.dumps(figures, indent=2) if options.json else "\n".join(lines)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
