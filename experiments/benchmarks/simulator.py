"""Trajectory steps per second and core of the simulator alone, without a policy.

Every figure is the median of repeats:
 - one thread: steps per second, and core cycles per step (the clock is measured around each
   repeat, because on shared machines it drifts);
 - two threads of one process, alternating repeat by repeat with two pinned processes of one thread
   each, and the ratio of the two: how much of two independent cores the worker threads reach. Left
   out with `threads` 1 and where only one processor is usable; no other number of threads is tried.

Every thread has `envs` environments. With few of them a batch stays in the processor's cache and
the engine is what is measured; with many, memory is measured too.
"""

from __future__ import annotations

import functools
import statistics
import time
from typing import Any

import numpy as np

from experiments.benchmarks import pinned
from experiments.config import SimulatorBenchConfig
from rlmm_tf.env import (
    Batch,
    engine_params,
    measure_clock_hz,
    observation_layout,
    output_arrays,
)
from rlmm_tf.env.spaces import actions_from_quotes
from rlmm_tf.presets import preset
from rlmm_tf.seeding import environment_keys


class Workload:
    """A batch that holds one constant pair of quotes."""

    def __init__(self, n_envs: int, n_threads: int, *, name: str, seed: int) -> None:
        params = preset(name)
        width = len(observation_layout(params))
        middle_ticks = (params.action.offset_min_ticks + params.action.offset_max_ticks) / 4
        self._actions = actions_from_quotes(params.action, np.full((n_envs, 2), middle_ticks))
        self._batch = Batch(
            engine_params(params), seeds=environment_keys(seed, n_envs), n_threads=n_threads
        )
        self._arrays = output_arrays(n_envs, width, columns=False)
        self._batch.reset(obs=self._arrays["obs"])
        self.n_envs = n_envs

    def rate(self, n_steps: int) -> float:
        """Times `n_steps` calls of the engine; trajectory steps per second."""
        start = time.perf_counter()
        for _ in range(n_steps):
            self._batch.step(self._actions, **self._arrays)
        return self.n_envs * n_steps / (time.perf_counter() - start)


def run(config: SimulatorBenchConfig) -> dict[str, Any]:
    """Measures and returns the figures; every rate is in trajectory steps per second."""
    figures: dict[str, Any] = {
        "market": config.market,
        "preset": config.preset,
        "envs_per_thread": config.envs,
        "steps": config.steps,
        "repeats": config.repeats,
        **_single_thread(config),
    }
    if pinned.is_possible() and config.threads != 1:
        make = functools.partial(Workload, name=config.preset, seed=config.root_seed)
        rates = pinned.compare(make, config.envs, config.steps, config.repeats)
        figures |= rates.figures("steps")
    return figures


def shortfall(config: SimulatorBenchConfig, figures: dict[str, Any]) -> str | None:
    """What is missing to the required speed, in a line for each; None where nothing is."""
    lines = [pinned.shortfall(config.require_two_threads, figures)]
    rate = figures["steps_per_s_per_core"]
    if config.require is not None and rate < config.require:
        expected = f"expected at least {config.require:,.10g}, got {rate:,.10g}"
        lines.insert(0, f"steps_per_s_per_core: {expected}; is the machine busy?")
    return "\n".join(filter(None, lines)) or None


def _single_thread(config: SimulatorBenchConfig) -> dict[str, float]:
    work = Workload(config.envs, 1, name=config.preset, seed=config.root_seed)
    work.rate(max(1, config.steps // 10))
    rates, cycles = [], []
    for _ in range(config.repeats):
        before_hz = measure_clock_hz()
        rate = work.rate(config.steps)
        clock_hz = 0.5 * (before_hz + measure_clock_hz())
        rates.append(rate)
        cycles.append(clock_hz / rate)
    return {
        "steps_per_s_per_core": statistics.median(rates),
        "steps_per_s_per_core_max": max(rates),
        "cycles_per_step": statistics.median(cycles),
        "cycles_per_step_min": min(cycles),
    }
