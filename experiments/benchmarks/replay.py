"""Events per second and core cycles per event of the replay market, with an agent in it.

The recording is a book market's, made in memory and replayed twice: with order ids, where queues
are exact, and without, by level and with the risk-averse law; or it is a file. A batch holds one
pair of constant quotes with three latencies, its places in the queues tracked, all features
observed and all columns written; episodes start anywhere, and those that end while it is measured
start anew, which is in the figures. So is what Python does between two steps.

Figures are medians over short slices, by orders and by levels in turn, taken as those of the book
market are (`book.py`).
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.book import Quoting, offset_ticks, timed_slices
from experiments.config import ReplayBenchConfig
from rlmm_tf.env import (
    REPLAY_FEATURES,
    Batch,
    Recorder,
    Tape,
    engine_params,
)
from rlmm_tf.env.tape import CHECKPOINT_EVENTS
from rlmm_tf.events import EventTable
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset, resolve_params
from rlmm_tf.replay_params import ReplayMarketParams
from rlmm_tf.seeding import environment_keys

Rows = dict[str, NDArray[Any]]
RESETS = 20
ROW_NAMES = ("kind", "side", "price_ticks", "qty_lots", "order_id", "flags")


def simulated_rows(name: str, seed: int, duration_ns: int) -> Rows:
    """What a preset's market does without an agent."""
    recorder = Recorder(engine_params(preset(name)), environment_keys(seed, 1))
    events = recorder.run(duration_ns)
    return {column: events[column] for column in ("ts_ns", *ROW_NAMES)}


def recorded_rows(path: str) -> Rows:
    """The rows of a file."""
    table = EventTable.read(Path(path))
    rows = {column: np.ascontiguousarray(table.column(column)) for column in ROW_NAMES}
    return {"ts_ns": np.ascontiguousarray(table.column("ts_event")), **rows}


def tape_of_rows(rows: Rows, *, by_order: bool) -> Tape:
    """The rows as they are, or without their order ids."""
    ids = rows["order_id"] if by_order else np.zeros_like(rows["order_id"])
    return Tape(**{**rows, "order_id": ids}, checkpoint_events=CHECKPOINT_EVENTS)


ALL_FEATURES = tuple(feature.name for feature in REPLAY_FEATURES)


def problem(name: str, features: tuple[str, ...] = ALL_FEATURES) -> EnvParams:
    """A preset's agent and episodes in a recording."""
    market = ReplayMarketParams(recording="in memory")
    return resolve_params(
        preset(name), {"market": market.model_dump(), "observation": {"features": features}}
    )


class Replayed(Quoting):
    """A batch whose agents hold one constant pair of quotes in a recording."""

    def __init__(
        self,
        tape: Tape,
        n_envs: int,
        *,
        name: str,
        seed: int,
        features: tuple[str, ...] = ALL_FEATURES,
    ) -> None:
        params = problem(name, features)
        keys = environment_keys(seed, n_envs)
        batch = Batch(engine_params(params), seeds=keys, n_threads=1, tape=tape)
        super().__init__(params, offset_ticks(preset(name)), batch)


def run(config: ReplayBenchConfig) -> dict[str, Any]:
    """Measures and returns the figures."""
    if config.recording is None:
        duration_ns = int(config.hours * 3600) * 1_000_000_000
        rows = simulated_rows(config.preset, config.root_seed, duration_ns)
    else:
        rows = recorded_rows(config.recording)
    figures: dict[str, Any] = {
        "market": config.market,
        "preset": config.preset,
        "rows": len(rows["kind"]),
        "envs": config.envs,
        "steps": config.steps,
        "repeats": config.repeats,
    }
    works = {}
    for form in ("orders", "levels") if rows["order_id"].any() else ("levels",):
        start = time.perf_counter()
        tape = tape_of_rows(rows, by_order=form == "orders")
        figures[f"load_rows_per_s_{form}"] = tape.rows / (time.perf_counter() - start)
        figures[f"checkpoint_bytes_{form}"] = tape.checkpoint_bytes
        works[form] = Replayed(tape, config.envs, name=config.preset, seed=config.root_seed)
        figures[f"start_us_{form}"] = _start_us(works[form], config.envs)
    slices, _ = timed_slices(
        {form: (work.events, config.steps) for form, work in works.items()}, config.repeats
    )
    for form in works:
        figures |= slices[form].figures(f"agent_{form}")
    return figures


def shortfall(config: ReplayBenchConfig, figures: dict[str, Any]) -> str | None:
    """What is missing to the required speed, in a line for each; None where nothing is."""
    lines = [
        f"{name}: expected at most {config.require_agent:,.10g}, got {value:,.10g}; "
        "is the machine busy?"
        for name, value in figures.items()
        if name in {"cycles_per_event_agent_orders", "cycles_per_event_agent_levels"}
        and config.require_agent is not None
        and value > config.require_agent
    ]
    return "\n".join(lines) or None


def _start_us(work: Replayed, n_envs: int) -> float:
    times = []
    for _ in range(RESETS):
        start = time.perf_counter()
        work.reset()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times) / n_envs
