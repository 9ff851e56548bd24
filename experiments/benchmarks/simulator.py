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

import contextlib
import multiprocessing
import os
import statistics
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

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

    def __init__(self, name: str, n_envs: int, n_threads: int, seed: int) -> None:
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

    def steps_per_s(self, n_steps: int) -> float:
        """Times `n_steps` calls of the engine."""
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
    if len(os.sched_getaffinity(0)) >= 2 and config.threads != 1:
        figures |= _two_threads(config)
    return figures


def shortfall(config: SimulatorBenchConfig, figures: dict[str, Any]) -> str | None:
    """What is missing to the required speed, in a line; None where nothing is."""
    rate = figures["steps_per_s_per_core"]
    if config.require is None or rate >= config.require:
        return None
    return (
        f"steps_per_s_per_core: expected at least {config.require:,.10g}, got {rate:,.10g}; "
        "is the machine busy?"
    )


def _single_thread(config: SimulatorBenchConfig) -> dict[str, float]:
    work = Workload(config.preset, config.envs, 1, config.root_seed)
    work.steps_per_s(max(1, config.steps // 10))
    rates, cycles = [], []
    for _ in range(config.repeats):
        before_hz = measure_clock_hz()
        rate = work.steps_per_s(config.steps)
        clock_hz = 0.5 * (before_hz + measure_clock_hz())
        rates.append(rate)
        cycles.append(clock_hz / rate)
    return {
        "steps_per_s_per_core": statistics.median(rates),
        "steps_per_s_per_core_max": max(rates),
        "cycles_per_step": statistics.median(cycles),
        "cycles_per_step_min": min(cycles),
    }


def _two_threads(config: SimulatorBenchConfig) -> dict[str, float]:
    """Alternates two threads with two pinned processes, so that both meet the same machine."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    threads_rates, process_rates, ratios = [], [], []
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_pinned_worker(config, core)) for core in cores]
        work = Workload(config.preset, 2 * config.envs, 2, config.root_seed)
        work.steps_per_s(max(1, config.steps // 10))
        for _ in range(config.repeats):
            threads_rates.append(work.steps_per_s(config.steps))
            for worker in workers:
                worker.send(config.steps)
            process_rates.append(sum(worker.recv() for worker in workers))
            ratios.append(threads_rates[-1] / process_rates[-1])
    return {
        "steps_per_s_two_threads": statistics.median(threads_rates),
        "steps_per_s_two_processes": statistics.median(process_rates),
        "two_threads_over_two_processes": statistics.median(ratios),
    }


@contextlib.contextmanager
def _pinned_worker(config: SimulatorBenchConfig, core: int) -> Any:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, config.preset, config.envs, config.root_seed, core)
    )
    process.start()
    ours.recv()  # ready
    try:
        yield ours
    finally:
        with contextlib.suppress(OSError):
            ours.send(None)
        process.join()


def _serve(pipe: Connection, name: str, n_envs: int, seed: int, core: int) -> None:
    os.sched_setaffinity(0, {core})
    work = Workload(name, n_envs, 1, seed)
    work.steps_per_s(10)
    pipe.send("ready")
    while (n_steps := pipe.recv()) is not None:
        pipe.send(work.steps_per_s(n_steps))
