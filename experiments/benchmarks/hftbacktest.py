"""Our book and replay markets with an agent against hftbacktest replaying the same market's feed.

    python -m experiments.benchmarks.hftbacktest [--preset book-large-tick] [--repeats 9] [--json]

hftbacktest (its own environment under build/, installed on first use) replays what our recorder
wrote as level-2 updates and trades; a maker compiled by numba holds two quotes over the same steps
and latencies. We make up the market while the agent trades in it, observe everything, and the book
reacts to the agent; a replay does not. Runs alternate, so that both meet the same machine. Rates
are in rows of the feed for hftbacktest (a market order that meets three orders is three trades and
three updates), in events of the flow for us, and for both in events. Our replay plays the same feed
by level, with the same queue law; its events are the recorder's rows (three, for that order). Where
hftbacktest cannot be installed it says so and ends with exit code 0.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.arguments import positive
from experiments.benchmarks.book import Agent, offset_ticks
from experiments.benchmarks.replay import Replayed, simulated_rows, tape_of_rows
from rlmm_tf.env import EVENT_KINDS, Recorder, engine_params
from rlmm_tf.presets import PRESETS, preset
from rlmm_tf.seeding import environment_keys

VERSION = "2.4.4"
FOLDER = Path(__file__).resolve().parents[2] / "build/hftbacktest"
WORKER = Path(__file__).with_name("hftbacktest_worker.py")
SEED = 0
STEPS = 4000
ENVS = 16
INSTALL_SECONDS = 170


def interpreter() -> Path | None:
    """Python of hftbacktest's environment; None where it cannot be made."""
    python = FOLDER / "bin/python"
    if not (FOLDER / "installed").exists():
        try:
            venv.create(FOLDER, with_pip=True, clear=True)
            command = [str(python), "-m", "pip", "install", "--quiet", f"hftbacktest=={VERSION}"]
            subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)
        except (OSError, subprocess.SubprocessError):
            return None
        (FOLDER / "installed").touch()
    return python.absolute()


def feed(name: str, n_steps: int) -> tuple[dict[str, NDArray[Any]], int]:
    """Rows as hftbacktest takes them, and how many events of the flow they are."""
    params = preset(name)
    until_ns = n_steps * params.episode.step_ns
    keys = environment_keys(SEED, 1)
    events = Recorder(engine_params(params), keys).run(until_ns)
    is_trade = events["kind"] == EVENT_KINDS["trade"]
    removes = is_trade | (events["kind"] == EVENT_KINDS["cancel"])
    is_bid = events["side"] > 0
    level_lots = _running(
        2 * events["price_ticks"] + is_bid, np.where(removes, -1, 1) * events["qty_lots"]
    )
    # A trade is told before the level it leaves; who hit a bid was selling.
    rows = np.repeat(np.arange(len(is_trade)), 1 + is_trade)
    first = np.append(True, rows[1:] != rows[:-1])
    tells_trade = is_trade[rows] & first
    arrays = {
        "ts_ns": events["ts_ns"][rows],
        "is_trade": tells_trade,
        "is_buy": is_bid[rows] != tells_trade,
        "price_ticks": events["price_ticks"][rows],
        "lots": np.where(tells_trade, events["qty_lots"][rows], level_lots[rows]),
        "step_ns": np.array(params.episode.step_ns),
        "offset_ticks": np.array(offset_ticks(params)),
        "quote_lots": np.array(float(params.action.lots_max)),
    }
    return arrays, Recorder(engine_params(params), keys).count(until_ns)


def _running(keys: NDArray[Any], changes: NDArray[Any]) -> NDArray[Any]:
    """Sum of the changes so far with the same key."""
    order = np.argsort(keys, kind="stable")
    sums = np.cumsum(changes[order])
    starts = np.flatnonzero(np.append(True, np.diff(keys[order]) != 0))
    before = np.append(0, sums)[starts]
    running = np.empty_like(sums)
    running[order] = sums - np.repeat(before, np.diff(np.append(starts, len(keys))))
    return running


@contextlib.contextmanager
def _worker(python: Path, arrays: dict[str, NDArray[Any]]) -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "feed.npz")
        np.savez(path, allow_pickle=False, **arrays)
        process = subprocess.Popen(
            [python, "-I", WORKER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            process.communicate()


def _answer(worker: subprocess.Popen[str]) -> dict[str, float]:
    line = worker.stdout.readline() if worker.stdout is not None else ""
    if not line:
        raise RuntimeError("hftbacktest_worker: expected a line, but it ended")
    result: dict[str, float] = json.loads(line)
    return result


def measure(python: Path, name: str, repeats: int) -> dict[str, Any]:
    """Medians over alternating runs; ratios of ours to theirs, run by run."""
    arrays, n_events = feed(name, STEPS)
    agent = Agent(ENVS, 1, name=name, seed=SEED)
    recorded = simulated_rows(name, SEED, STEPS * preset(name).episode.step_ns)
    replayed = Replayed(tape_of_rows(recorded, by_order=False), ENVS, name=name, seed=SEED)
    n_rows = len(arrays["ts_ns"])
    rows_per_s, ours, replays = [], [], []
    with _worker(python, arrays) as worker:
        _answer(worker)  # it has compiled
        agent.rate(10)
        for _ in range(repeats):
            worker.stdin.write("go\n")  # type: ignore[union-attr]
            worker.stdin.flush()  # type: ignore[union-attr]
            last = _answer(worker)
            rows_per_s.append(n_rows / last["seconds"])
            ours.append(agent.rate(STEPS // ENVS))
            replays.append(replayed.rate(STEPS // ENVS))
    share = n_events / n_rows
    ratios = [our / (share * their) for our, their in zip(ours, rows_per_s, strict=True)]
    recorded_share = len(recorded["kind"]) / n_rows
    replay_ratios = [
        our / (recorded_share * their) for our, their in zip(replays, rows_per_s, strict=True)
    ]
    return {
        "preset": name,
        "hftbacktest": VERSION,
        "feed_events": n_events,
        "feed_rows": n_rows,
        "hftbacktest_trades": last["trades"],
        "hftbacktest_rows_per_s": statistics.median(rows_per_s),
        "hftbacktest_events_per_s": share * statistics.median(rows_per_s),
        "events_per_s": statistics.median(ours),
        "ratio_events": statistics.median(ratios),
        "ratio_to_rows": share * statistics.median(ratios),
        "replay_events_per_s": statistics.median(replays),
        "hftbacktest_recorded_events_per_s": recorded_share * statistics.median(rows_per_s),
        "replay_ratio_events": statistics.median(replay_ratios),
        "replay_ratio_to_rows": recorded_share * statistics.median(replay_ratios),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, also where hftbacktest cannot be installed; 2 for bad arguments."""
    names = [name for name, params in PRESETS.items() if params.market.kind == "book"]
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.hftbacktest",
        description="Compare the book and replay markets with an agent with hftbacktest's replay.",
        epilog="example: python -m experiments.benchmarks.hftbacktest --json",
    )
    parser.add_argument("--preset", choices=names, default="book-large-tick")
    parser.add_argument("--repeats", type=positive, default=9, help="alternating runs (9)")
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    options = parser.parse_args(arguments)
    python = interpreter()
    if python is None:
        sys.stdout.write(f"hftbacktest: skipped, hftbacktest {VERSION} could not be installed\n")
        return 0
    figures = measure(python, options.preset, options.repeats)
    lines = (f"{name} {value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures, indent=2) if options.json else "\n".join(lines)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
