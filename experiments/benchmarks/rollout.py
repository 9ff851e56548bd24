"""Rollouts with the policy inside the engine: steps per second of one thread.

Each repeat rolls out T steps with the policy, then goes back to the state before and plays the same
actions again by `Batch.step`: the same market, the same fills, without the policy. The time of the
first less that of the second is the policy's (normaliser, network, sampling, log-probability,
recording), so

    steps_per_s_per_core_without_market = 1 / (1 / total - 1 / market)

with both terms of the same repeat. The market's part includes the call from Python of each step (a
few ns per environment and step), which flatters the policy by as much.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from experiments.config import RolloutBenchConfig
from rlmm_tf.env import (
    Batch,
    PolicySpec,
    PolicyWeights,
    RolloutArrays,
    engine_params,
    make_policy,
    measure_clock_hz,
    observation_layout,
    output_arrays,
    roll_out,
)
from rlmm_tf.presets import preset
from rlmm_tf.seeding import environment_keys


class Workload:
    """A batch, a Gaussian policy with random weights, and their arrays."""

    def __init__(self, config: RolloutBenchConfig) -> None:
        params = preset(config.preset)
        self._n_rows = config.envs * config.steps
        spec = PolicySpec.for_params(params, hidden=config.hidden)
        weights = PolicyWeights.random(spec, np.random.default_rng(config.root_seed), scale=0.5)
        weights.obs_mean = np.zeros(spec.obs_width)
        weights.obs_variance = np.ones(spec.obs_width)
        self.policy = make_policy(spec, weights)
        self._arrays = RolloutArrays.empty(spec, n_steps=config.steps, n_envs=config.envs)
        keys = environment_keys(config.root_seed, config.envs)
        self._batch = Batch(engine_params(params), seeds=keys, n_threads=1)
        width = len(observation_layout(params))
        self._outputs = output_arrays(config.envs, width, columns=False)
        self._batch.reset(obs=self._outputs["obs"])

    def seconds(self) -> tuple[float, float]:
        """Of a rollout, and of its market alone."""
        state = self._batch.state()
        start = time.perf_counter()
        roll_out(self._batch, self.policy, self._arrays)
        total_s = time.perf_counter() - start
        self._batch.set_state(state)
        start = time.perf_counter()
        for actions in self._arrays.actions:
            self._batch.step(actions, **self._outputs)
        market_s = time.perf_counter() - start
        if not np.array_equal(self._outputs["obs"], self._arrays.last_obs):
            raise RuntimeError("rollout: expected what single steps give, got something else")
        return total_s / self._n_rows, market_s / self._n_rows


def run(config: RolloutBenchConfig) -> dict[str, Any]:
    """Measures and returns the figures; rates are in steps per second and core."""
    work = Workload(config)
    work.seconds()
    totals, markets, policies, cycles = [], [], [], []
    for _ in range(config.repeats):
        before_hz = measure_clock_hz()
        total_s, market_s = work.seconds()
        clock_hz = 0.5 * (before_hz + measure_clock_hz())
        totals.append(1.0 / total_s)
        markets.append(1.0 / market_s)
        policies.append(max(total_s - market_s, 1e-12))
        cycles.append(policies[-1] * clock_hz)
    return {
        "market": config.market,
        "preset": config.preset,
        "envs": config.envs,
        "steps": config.steps,
        "repeats": config.repeats,
        "hidden": "x".join(map(str, config.hidden)),
        "isa": work.policy.isa,
        "steps_per_s_per_core": statistics.median(totals),
        "steps_per_s_per_core_market_alone": statistics.median(markets),
        "steps_per_s_per_core_without_market": 1.0 / statistics.median(policies),
        "policy_cycles_per_step": statistics.median(cycles),
    }


def shortfall(config: RolloutBenchConfig, figures: dict[str, Any]) -> str | None:
    """What is missing to the required speed, in a line; None where nothing is."""
    rate = figures["steps_per_s_per_core_without_market"]
    if config.require is None or rate >= config.require:
        return None
    return (
        f"steps_per_s_per_core_without_market: expected at least {config.require:,.10g}, "
        f"got {rate:,.10g}; is the machine busy?"
    )
