"""Our book and replay markets with an agent against hftbacktest's replay.

    python -m experiments.benchmarks.hftbacktest [--preset book-large-tick] [--repeats 9] [--json]
    python -m experiments.benchmarks.hftbacktest --recording DAY.parquet [...]

hftbacktest (its own environment under build/, installed on first use) replays a recording as
level-2 updates and trades; a maker compiled by numba holds two quotes over the same steps and
latencies, those of the preset. Our replay plays the same recording by level, with the same queue
law, and observes what the preset's agent does. Runs alternate, so that both meet the same machine.
Rates are in rows of its feed for hftbacktest (a trade is two: itself, and the level that it
leaves) and for both in events.

The recording is a day's event table, or what our recorder wrote of the preset's market. That market
is then measured too, with everything observed: we make it up while the agent trades in it, and it
reacts to him, which a replay does not. Its events are those of the flow (a market order that meets
three orders is one, three rows of the recording, and six of the feed).

Where hftbacktest cannot be installed it says so and ends with exit code 0.
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
from experiments.benchmarks.book import Agent, Quoting, offset_ticks
from experiments.benchmarks.replay import (
    ALL_FEATURES,
    ROW_NAMES,
    Replayed,
    Rows,
    recorded_rows,
    simulated_rows,
    tape_of_rows,
)
from rlmm_tf.env import Recorder, engine_params
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import PRESETS, preset
from rlmm_tf.seeding import environment_keys

VERSION = "2.4.4"
FOLDER = Path(__file__).resolve().parents[2] / "build/hftbacktest"
WORKER = Path(__file__).with_name("hftbacktest_worker.py")
SEED = 0
STEPS = 4000
ENVS = {"book": 16, "replay": 64}  # they share the recording
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


def feed(rows: Rows, params: EnvParams) -> dict[str, NDArray[Any]]:
    """What the worker takes: the rows as hftbacktest has them, and the preset's agent.

    A trade is told before the level that it leaves; who hit a bid was selling. Of hidden lots only
    the trade is told. Its clock never goes back.
    """
    told = list(_told(rows))
    at, is_trade, is_buy, price_ticks, lots = (
        np.array(column) for column in zip(*told, strict=True)
    )
    return {
        "ts_ns": np.maximum.accumulate(rows["ts_ns"])[at],
        "is_trade": is_trade,
        "is_buy": is_buy,
        "price_ticks": price_ticks,
        "lots": lots,
        "step_ns": np.array(params.episode.step_ns),
        "offset_ticks": np.array(offset_ticks(params)),
        "quote_lots": np.array(float(params.action.lots_max)),
    }


Told = tuple[int, bool, bool, int, int]
"""The row it comes from, whether it is a trade, whether of a buyer, price and lots."""


def _told(rows: Rows) -> Iterator[Told]:
    """Trades, and levels with the lots that they now have."""
    book = _Levels()
    for at, (kind, side, price, lots, order_id, flags) in enumerate(
        zip(*(rows[name].tolist() for name in ROW_NAMES), strict=True)
    ):
        if kind == EventKind.TRADE and side != 0:
            yield at, True, side < 0, price, lots
        if kind == EventKind.STATUS or (kind == EventKind.TRADE and flags & EventFlag.HIDDEN):
            continue
        for changed_side, changed_price, now in book.change(kind, side, price, lots, order_id):
            yield at, False, changed_side > 0, changed_price, now


class _Levels:
    """Lots of each level, by side and price."""

    def __init__(self) -> None:
        self._lots: dict[tuple[int, int], int] = {}
        self._orders: dict[int, tuple[int, int, int]] = {}

    def change(
        self, kind: int, side: int, price: int, lots: int, order_id: int
    ) -> Iterator[tuple[int, int, int]]:
        """The levels that the row changes: side, price and lots after it."""
        if kind == EventKind.CLEAR:
            for key in [key for key in self._lots if side in (0, key[0])]:
                self._lots[key] = 0
                yield *key, 0
            return
        if kind == EventKind.MODIFY:
            if order_id == 0:
                self._lots[side, price] = lots
            else:
                old_side, old_price, old_lots = self._orders.get(order_id, (side, price, 0))
                yield self._add(old_side, old_price, -old_lots)
                self._orders[order_id] = (side, price, lots)
                yield self._add(side, price, lots)
                return
        else:
            gained = lots if kind in (EventKind.ADD, EventKind.SNAPSHOT) else -lots
            if order_id:
                before = self._orders.get(order_id, (side, price, 0))[2]
                self._orders[order_id] = (side, price, max(before + gained, 0))
            self._add(side, price, gained)
        yield side, price, self._lots[side, price]

    def _add(self, side: int, price: int, lots: int) -> tuple[int, int, int]:
        now = max(self._lots.get((side, price), 0) + lots, 0)
        self._lots[side, price] = now
        return side, price, now


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


def _alternate(
    python: Path,
    arrays: dict[str, NDArray[Any]],
    works: dict[str, Quoting],
    n_steps: int,
    repeats: int,
) -> tuple[NDArray[Any], dict[str, NDArray[Any]], dict[str, float]]:
    """Rows per second of hftbacktest, events per second of each work, and its last answer.

    Every repeat makes as many decisions here and there, `n_steps`.
    """
    n_rows = len(arrays["ts_ns"])
    theirs = []
    ours: dict[str, list[float]] = {market: [] for market in works}
    with _worker(python, arrays) as worker:
        last = _answer(worker)  # it has compiled
        for work in works.values():
            work.rate(10)
        for _ in range(repeats):
            worker.stdin.write("go\n")  # type: ignore[union-attr]
            worker.stdin.flush()  # type: ignore[union-attr]
            last = _answer(worker)
            theirs.append(n_rows / last["seconds"])
            for market, work in works.items():
                ours[market].append(work.rate(max(1, n_steps // ENVS[market])))
    rates = {market: np.array(measured) for market, measured in ours.items()}
    return np.array(theirs), rates, last


def measure(python: Path, name: str, recording: str | None, repeats: int) -> dict[str, Any]:
    """Medians over alternating runs; ratios of ours to theirs, run by run."""
    params = preset(name)
    until_ns = STEPS * params.episode.step_ns
    rows = recorded_rows(recording) if recording else simulated_rows(name, SEED, until_ns)
    arrays = feed(rows, params)
    tape = tape_of_rows(rows, by_order=False)
    observed = tuple(name for name in params.observation.features if name in ALL_FEATURES)
    works: dict[str, Quoting] = {
        "replay": Replayed(tape, ENVS["replay"], name=name, seed=SEED, features=observed)
    }
    if recording is None:
        works["book"] = Agent(ENVS["book"], 1, name=name, seed=SEED)
    n_steps = int(arrays["ts_ns"][-1] - arrays["ts_ns"][0]) // params.episode.step_ns
    rows_per_s, ours, last = _alternate(python, arrays, works, n_steps, repeats)
    n_rows = len(arrays["ts_ns"])
    recorded_share = len(rows["kind"]) / n_rows
    figures = {
        "preset": name,
        "hftbacktest": VERSION,
        "recorded_events": len(rows["kind"]),
        "feed_rows": n_rows,
        "hftbacktest_trades": last["trades"],
        "hftbacktest_rows_per_s": statistics.median(rows_per_s),
        "hftbacktest_recorded_events_per_s": recorded_share * statistics.median(rows_per_s),
        "replay_events_per_s": statistics.median(ours["replay"]),
        "replay_ratio_events": statistics.median(ours["replay"] / rows_per_s) / recorded_share,
        "replay_ratio_to_rows": statistics.median(ours["replay"] / rows_per_s),
    }
    if recording is None:
        keys = environment_keys(SEED, 1)
        n_events = Recorder(engine_params(params), keys).count(until_ns)
        share = n_events / n_rows
        figures |= {
            "feed_events": n_events,
            "hftbacktest_events_per_s": share * statistics.median(rows_per_s),
            "events_per_s": statistics.median(ours["book"]),
            "ratio_events": statistics.median(ours["book"] / rows_per_s) / share,
            "ratio_to_rows": statistics.median(ours["book"] / rows_per_s),
        }
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, also where hftbacktest cannot be installed; 2 for bad arguments."""
    names = [name for name, params in PRESETS.items() if params.market.kind == "book"]
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.hftbacktest",
        description="Compare the book and replay markets with an agent with hftbacktest's replay.",
        epilog="example: python -m experiments.benchmarks.hftbacktest --json",
    )
    parser.add_argument("--preset", choices=names, default="book-large-tick", help="whose agent")
    parser.add_argument("--recording", metavar="FILE", help="event table (the preset's market)")
    parser.add_argument("--repeats", type=positive, default=9, help="alternating runs (9)")
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    options = parser.parse_args(arguments)
    python = interpreter()
    if python is None:
        sys.stdout.write(f"hftbacktest: skipped, hftbacktest {VERSION} could not be installed\n")
        return 0
    figures = measure(python, options.preset, options.recording, options.repeats)
    lines = (f"{name} {value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures, indent=2) if options.json else "\n".join(lines)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
