"""Trainings that are killed at random moments and taken up, against one that never was.

    python -m experiments.benchmarks.kills --kills 100 --out runs/kills.jsonl
    python -m experiments.benchmarks.kills --agents sac --kills 20

For each agent a small training runs to its end, then others are killed (SIGKILL) after a random
part of the time that it took, taken up, killed again, until one ends: every file of the run but the
manifest must have the same bytes. A line of JSON for each training goes to --out, and those that
are there count, so that a stopped run goes on where it was. Exit code 1 when a file differs.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.arguments import positive
from experiments.benchmarks.lines import Row, append, rows_with
from rlmm_tf.seeding import seed_sequence

SMALL: dict[str, str] = {
    "ppo": "{kind: ppo, steps: 400_000, rollout_steps: 4_000, "
    "evaluation: {times: 50, episodes: 64}}",
    "sac": "{kind: sac, steps: 100_000, envs: 40, rollout_steps: 1_000, first_rows: 2_000, "
    "replay_rows: 20_000, batch: 128, evaluation: {times: 50, episodes: 64}}",
    "dqn": "{kind: dqn, mode: replay, steps: 100_000, envs: 40, rollout_steps: 1_000, "
    "first_rows: 2_000, replay_rows: 20_000, batch: 128, evaluation: {times: 50, episodes: 64}}",
}
OVERRIDES = {"dqn": "{action: {kind: multidiscrete}}"}
UNLIKE = ("manifest.json", ".lock")  # the times, and the sessions that there were
TAKEN_UP_MAX = 1000


def contents(run: Path) -> dict[str, bytes]:
    """Every file that must not depend on kills."""
    files = (path for path in sorted(run.iterdir()) if path.name not in UNLIKE)
    return {path.name: path.read_bytes() for path in files}


def command(agent: str, run: Path) -> list[str]:
    """A process that trains, from the start or from what is there."""
    config = run.with_suffix(".yaml")
    config.write_text(
        f"problem: P1\noverrides: {OVERRIDES.get(agent, '{}')}\nthreads: 1\nagent: {SMALL[agent]}\n"
    )
    program = [sys.executable, "-m", "experiments.cli", "train", str(config)]
    return [*program, "--out", str(run), "--resume", "--json"]


def killed_training(
    agent: str, run: Path, whole_s: float, kills_max: int, generator: np.random.Generator
) -> int:
    """Trains to the end in the face of at most so many kills; returns how many there were."""
    kills = 0
    for _ in range(TAKEN_UP_MAX):
        process = subprocess.Popen(command(agent, run), stdout=subprocess.DEVNULL)
        limit_s = generator.uniform(0.0, 1.2 * whole_s) if kills < kills_max else None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(limit_s)
        if process.returncode is None:
            process.kill()
            process.wait()
            kills += 1
        elif process.returncode == 0:
            return kills
        else:
            raise RuntimeError(f"{agent}: expected exit code 0, got {process.returncode}")
    raise RuntimeError(f"{agent}: expected an end after {TAKEN_UP_MAX} sessions, got none")


def measure(agent: str, kills: int, found: list[Row], out: Path | None, seed: int) -> list[Row]:
    """Rows until there were enough kills."""
    rows = [row for row in found if row["agent"] == agent]
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        start = time.monotonic()
        subprocess.run(command(agent, whole), stdout=subprocess.DEVNULL, check=True)
        whole_s, expected = time.monotonic() - start, contents(whole)
        while (left := kills - sum(int(row["kills"]) for row in rows)) > 0:
            number = len(rows)
            run = Path(folder, f"run-{number}")
            generator = np.random.default_rng(
                seed_sequence(seed, sorted(SMALL).index(agent), number)
            )
            made = killed_training(agent, run, whole_s, left, generator)
            got = contents(run)
            names = sorted(expected.keys() | got.keys())
            differing = [name for name in names if expected.get(name) != got.get(name)]
            rows.append({"agent": agent, "kills": made, "differing": differing})
            if out is not None:
                append(out, rows[-1])
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=positive, default=100, help="of each agent")
    parser.add_argument("--agents", default=",".join(SMALL), help="separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="lines of JSON; what is there counts")
    chosen = parser.parse_args(arguments)
    agents: list[str] = chosen.agents.split(",")
    if unknown := [agent for agent in agents if agent not in SMALL]:
        parser.error(f"--agents: expected some of {', '.join(SMALL)}, got {', '.join(unknown)}")
    found = rows_with(chosen.out, {"agent", "kills", "differing"})
    failed = False
    for agent in agents:
        rows: list[dict[str, Any]] = measure(agent, chosen.kills, found, chosen.out, chosen.seed)
        kills = sum(int(row["kills"]) for row in rows)
        differing = sorted({name for row in rows for name in row["differing"]})
        failed |= bool(differing)
        verdict = f"differing: {', '.join(differing)}" if differing else "the same bytes"
        sys.stdout.write(f"{agent}: {len(rows)} trainings, {kills} kills, {verdict}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
