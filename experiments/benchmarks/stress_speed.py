"""Whether a large stress test is quick enough, and small enough in memory.

    python -m experiments.benchmarks.stress_speed [--market book-large-tick] [--episodes 200]
        [--steps 0] [--threads 2] [--json]

Plays `rlmm stress` with all eight baselines in all scenarios and severities, in a process of its
own: its time by the clock, its processor time and its peak memory are those of the whole command,
tuning, statistics and pages included. `--steps 0` takes as many decisions as give an unstressed
episode at least 5000 events of the book.

Exit code 1 when something is missed: 5 minutes, 2 GiB, 12 scenarios x 3 severities x 8 policies,
200 episodes, 5000 events in each unstressed one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.arguments import positive
from rlmm_tf.evaluation.baselines import BASELINES, rule_player
from rlmm_tf.evaluation.episodes import UNSTRESSED, EpisodeTable
from rlmm_tf.evaluation.play import play
from rlmm_tf.evaluation.scenarios import SCENARIOS, SEVERITIES

SECONDS_MOST, GIB_MOST = 300.0, 2.0
EVENTS_LEAST, EPISODES_LEAST = 5000, 200
SETTINGS_LEAST, POLICIES_LEAST = 36, 8
WARMUP_NS = 60_000_000_000
GIB_KB = 1 << 20

Figures = dict[str, Any]


def steps_for(market: str, events: int) -> int:
    """Decisions after which even a quiet episode has had so many events."""
    from rlmm_tf.agents.baselines import FixedSpread
    from rlmm_tf.presets import resolve_params

    trial = 200
    params = resolve_params(
        market, {"market": {"warmup_ns": WARMUP_NS}, "episode": {"n_steps": trial}}
    )
    player = rule_player("fixed", params, FixedSpread(float(params.action.offset_max_ticks)))
    seen = play(player, episodes=32, seed=np.random.SeedSequence(0))[0]["events"]
    return math.ceil(1.3 * trial * events / float(seen.min()))


def measured(arguments: Sequence[str], folder: Path) -> tuple[float, float, float]:
    """Seconds by the clock, processor seconds and peak memory in GiB of a command of `rlmm`."""
    command = [sys.executable, "-m", "experiments.cli", *arguments, "--out", str(folder)]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"rlmm stress: expected exit code 0, got {process.returncode}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / GIB_KB


def figures(market: str, *, episodes: int, steps: int, threads: int) -> Figures:
    """What the command took, and what it played."""
    steps = steps or steps_for(market, EVENTS_LEAST)
    arguments = [
        "stress", *BASELINES, "--market", market, "--episodes", str(episodes),
        "--set", f"overrides.episode.n_steps={steps}",
        "--set", f"overrides.market.warmup_ns={WARMUP_NS}",
        "--set", f"threads={threads}", "--set", "tuning_episodes=16",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        seconds, processor_s, gib = measured(arguments, run)
        table = EpisodeTable.read(run / "episodes.parquet")
    calm = [block for block in table if block.setting == UNSTRESSED]
    return {
        "market": market,
        "policies": len(table.policies),
        "settings": len(table.settings) - 1,
        "episodes": len(table.blocks[0]),
        "steps": steps,
        "threads": threads,
        "events": int(sum(int(block["events"].sum()) for block in table)),
        "events_least": int(min(int(block["events"].min()) for block in calm)),
        "seconds": seconds,
        "processor_seconds": processor_s,
        "peak_gib": gib,
    }


def misses(found: Figures) -> list[str]:
    """What is not as it should be, in words."""
    limits = (
        ("seconds", found["seconds"] <= SECONDS_MOST, f"at most {SECONDS_MOST:g}"),
        ("peak_gib", found["peak_gib"] <= GIB_MOST, f"at most {GIB_MOST:g}"),
        ("events_least", found["events_least"] >= EVENTS_LEAST, f"at least {EVENTS_LEAST}"),
        ("episodes", found["episodes"] >= EPISODES_LEAST, f"at least {EPISODES_LEAST}"),
        ("settings", found["settings"] >= SETTINGS_LEAST, f"at least {SETTINGS_LEAST}"),
        ("policies", found["policies"] >= POLICIES_LEAST, f"at least {POLICIES_LEAST}"),
    )
    return [
        f"{name}: expected {least}, got {found[name]:g}" for name, ok, least in limits if not ok
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 when something is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--market", default="book-large-tick")
    parser.add_argument("--episodes", type=positive, default=EPISODES_LEAST)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--threads", type=positive, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    found = figures(given.market, episodes=given.episodes, steps=given.steps, threads=given.threads)
    missed = misses(found)
    if given.json:
        lines = [json.dumps({**found, "misses": missed}, indent=1)]
    else:
        lines = [
            f"{name:18} {value:.6g}" if isinstance(value, float) else f"{name:18} {value}"
            for name, value in found.items()
        ]
        lines += [f"MISSED {line}" for line in missed] or ["nothing missed"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if missed else 0


assert len(SCENARIOS) * len(SEVERITIES) >= SETTINGS_LEAST

if __name__ == "__main__":
    sys.exit(main())
