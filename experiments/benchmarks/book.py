"""Events per second and core cycles per event of the book market, alone and with an agent in it.

 - alone: one market that runs by itself; its flow, its book, nothing written down;
 - agent: a batch with one pair of constant quotes, three latencies, its places in the queues
   tracked, all features observed and all columns written, in the preset's steps of about a hundred
   events. What Python does between two steps is in it, about 1 % with the default environments.

Every figure is the median over many short slices, alone and agent in turn, each with the core's
clock measured before and after it: on shared machines the clock drifts and others interfere. A
measurement of the clock that was interrupted shows too little, so the larger one counts. Cycles
are of processor time, without what others had of the core; rates are of wall time.
Episodes do not end while it is measured: a reset runs a market's warm-up, whose events no column
counts. Two threads are compared with two pinned processes as for the analytic market.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.benchmarks import pinned
from experiments.config import BookBenchConfig
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.env import (
    FEATURES,
    Batch,
    Recorder,
    engine_params,
    measure_clock_hz,
    observation_layout,
    output_arrays,
)
from rlmm_tf.env.engine import COLUMN_INDEX
from rlmm_tf.env.spaces import actions_from_quotes
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset, resolve_params
from rlmm_tf.seeding import environment_keys

CLOCK_ADDITIONS = 1_000_000  # a third of a millisecond
EPISODE_STEPS = 1_000_000  # so that none ends
TWO_THREADS_SLICES = 10
TWO_THREADS_REPEATS = 9


def problem(name: str) -> EnvParams:
    """A preset with everything observed and episodes that do not end."""
    base = preset(name)
    if not isinstance(base.market, BookMarketParams):
        raise TypeError(f"name: expected a book market's, got {name!r}")
    n_steps = min(EPISODE_STEPS, 2**53 // base.episode.step_ns)
    # The filter of the regime is extra work with every event, for whoever asks for it.
    features = tuple(f.name for f in FEATURES if f.name != "regime_probability")
    return resolve_params(
        base, {"observation": {"features": features}, "episode": {"n_steps": n_steps}}
    )


def offset_ticks(params: EnvParams) -> float:
    """Where the benchmark's agent quotes: near the touch."""
    if not isinstance(params.market, BookMarketParams):
        raise TypeError(f"params: expected a book market, got {params.market.kind}")
    return max(1.0, 0.5 * params.market.model.typical.spread_ticks)


class Alone:
    """A market that runs by itself."""

    def __init__(self, name: str, seed: int) -> None:
        params = preset(name)
        self._step_ns = params.episode.step_ns
        self._recorder = Recorder(engine_params(params), environment_keys(seed, 1))
        self._until_ns = 0

    def events(self, n_steps: int) -> int:
        """Runs as long as `n_steps` of the preset take; how many events there were."""
        self._until_ns += n_steps * self._step_ns
        return self._recorder.count(self._until_ns)


class Quoting:
    """A batch whose agents hold one constant pair of quotes."""

    def __init__(self, params: EnvParams, offset: float, batch: Batch) -> None:
        n_envs = batch.n_envs
        self._actions = actions_from_quotes(params.action, np.full((n_envs, 2), offset))
        self._batch = batch
        self._arrays = output_arrays(n_envs, len(observation_layout(params)))
        self._events = self._arrays["columns"][:, COLUMN_INDEX["events"]]
        self.reset()

    def reset(self) -> None:
        """Starts new episodes."""
        self._batch.reset(obs=self._arrays["obs"])

    def events(self, n_steps: int) -> int:
        """Steps `n_steps` times; how many events there were in all environments."""
        total = 0.0
        for _ in range(n_steps):
            self._batch.step(self._actions, **self._arrays)
            total += self._events.sum()
        return int(total)

    def filled_lots(self) -> float:
        """Lots traded in the last step, by all agents."""
        names = ("fills_maker_lots_bid", "fills_maker_lots_ask")
        return float(sum(self._arrays["columns"][:, COLUMN_INDEX[name]].sum() for name in names))

    def rate(self, n_steps: int) -> float:
        """Events per second of `n_steps`."""
        start = time.perf_counter()
        n_events = self.events(n_steps)
        return n_events / (time.perf_counter() - start)


class Agent(Quoting):
    """The same in a preset's market."""

    def __init__(self, n_envs: int, n_threads: int, *, name: str, seed: int) -> None:
        params = problem(name)
        keys = environment_keys(seed, n_envs)
        batch = Batch(engine_params(params), seeds=keys, n_threads=n_threads)
        super().__init__(params, offset_ticks(params), batch)


def run(config: BookBenchConfig) -> dict[str, Any]:
    """Measures and returns the figures."""
    figures: dict[str, Any] = {
        "market": config.market,
        "preset": config.preset,
        "envs_per_thread": config.envs,
        "steps": config.steps,
        "repeats": config.repeats,
        **_single_thread(config),
    }
    if pinned.is_possible() and config.threads != 1:
        make = functools.partial(Agent, name=config.preset, seed=config.root_seed)
        n_steps, repeats = TWO_THREADS_SLICES * config.steps, TWO_THREADS_REPEATS
        rates = pinned.compare(make, config.envs, n_steps, min(config.repeats, repeats))
        figures |= rates.figures("events")
    return figures


def shortfall(config: BookBenchConfig, figures: dict[str, Any]) -> str | None:
    """What is missing to the required speed, in a line for each; None where nothing is."""
    limits = {
        "cycles_per_event_alone": config.require_alone,
        "cycles_per_event_agent": config.require_agent,
    }
    lines = [
        f"{name}: expected at most {most:,.10g}, got {figures[name]:,.10g}; is the machine busy?"
        for name, most in limits.items()
        if most is not None and figures[name] > most
    ]
    threads = pinned.shortfall(config.require_two_threads, figures)
    return "\n".join([*lines, *filter(None, [threads])]) or None


@dataclass
class Slices:
    """Timed slices of one kind of work."""

    rates: list[float] = field(default_factory=list)
    cycles: list[float] = field(default_factory=list)
    n_events: int = 0

    def figures(self, name: str) -> dict[str, float]:
        """Medians, and the fewest cycles."""
        return {
            f"events_per_s_{name}": statistics.median(self.rates),
            f"cycles_per_event_{name}": statistics.median(self.cycles),
            f"cycles_per_event_{name}_min": min(self.cycles),
        }


def timed_slices(
    work: Mapping[str, tuple[Callable[[int], int], int]], repeats: int
) -> tuple[dict[str, Slices], float]:
    """Slices of each kind of work (how to run steps and how many) in turn, and the clock's rate."""
    slices = {name: Slices() for name in work}
    clocks_hz = []
    for repeat in range(-1, repeats):  # the first is to warm up
        before_hz = measure_clock_hz(CLOCK_ADDITIONS)
        for name, (events, n_steps) in work.items():
            start_s, start_cpu_s = time.perf_counter(), time.thread_time()
            n_events = events(n_steps)
            cpu_s = time.thread_time() - start_cpu_s
            seconds = time.perf_counter() - start_s
            after_hz = measure_clock_hz(CLOCK_ADDITIONS)
            if repeat >= 0 and n_events > 0:
                slices[name].rates.append(n_events / seconds)
                slices[name].cycles.append(max(before_hz, after_hz) * cpu_s / n_events)
                slices[name].n_events += n_events
                clocks_hz.append(after_hz)
            before_hz = after_hz
    return slices, statistics.median(clocks_hz)


def _single_thread(config: BookBenchConfig) -> dict[str, float]:
    alone = Alone(config.preset, config.root_seed)
    agent = Agent(config.envs, 1, name=config.preset, seed=config.root_seed)
    work: dict[str, tuple[Callable[[int], int], int]] = {
        "alone": (alone.events, config.envs * config.steps),
        "agent": (agent.events, config.steps),
    }
    slices, clock_hz = timed_slices(work, config.repeats)
    n_steps = config.envs * config.steps * config.repeats
    figures = {"clock_hz": clock_hz, "events_per_step": slices["agent"].n_events / n_steps}
    for name in work:
        figures |= slices[name].figures(name)
    return figures
