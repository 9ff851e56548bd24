"""Nanoseconds per environment of the baselines' batch `act`, on one core.

    python -m experiments.benchmarks.policies [--envs 4096] [--rounds 41] [--calls 10]
        [--require NS] [--json]

All policies take turns in every round, so that each meets the same machine; the median over the
rounds is reported. With --require the exit code is 1 when a closed form takes longer than that;
the others (a look-up in a table, a rule by regime, random depths) are shown for comparison.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.benchmarks.arguments import positive, positive_number
from rlmm_tf.agents import baselines
from rlmm_tf.agents.baselines import AffineRule, DepthPolicy, DepthRule
from rlmm_tf.agents.exact.optimum import solve_continuous
from rlmm_tf.agents.exact.problem import action_writing, observation_reading, quoting_model
from rlmm_tf.env import observation_layout
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset

SEED = 0
RISK_AVERSE, SWITCHING = "CARA-0.1", "R1"

Figures = dict[str, Any]


class Workload:
    """A policy with a batch of observations like those of its problem."""

    def __init__(self, params: EnvParams, rule: DepthRule, n_envs: int) -> None:
        layout = observation_layout(params)
        self._policy = DepthPolicy(
            rule,
            observation=observation_reading(layout, params.market.n_regimes),
            action=action_writing(params),
        )
        rng = np.random.default_rng(SEED)
        low, high = ([getattr(c, side) for c in layout.columns] for side in ("low", "high"))
        self._observations = rng.uniform(low, high, (n_envs, len(layout))).astype(np.float32)
        self.name = type(rule).__name__
        self.is_closed_form = isinstance(rule, AffineRule)

    def ns_per_env(self, n_calls: int) -> float:
        """Times `n_calls` calls."""
        start_ns = time.perf_counter_ns()
        for _ in range(n_calls):
            self._policy.act(self._observations)
        return (time.perf_counter_ns() - start_ns) / (n_calls * len(self._observations))


def workloads(n_envs: int) -> list[Workload]:
    """Every baseline on a preset that it is made for."""
    averse, switching = preset(RISK_AVERSE), preset(SWITCHING)
    model = quoting_model(averse)
    skew = baselines.GlftAsymptotic.from_model(model)
    half, slope = skew.half_spread, skew.skew_per_lot
    rules: list[DepthRule] = [
        baselines.FixedSpread(half),
        baselines.Symmetric.from_model(model),
        baselines.InventorySkew(half, slope),
        baselines.CappedInventorySkew(half, slope, 0.5 * half, 2.0 * half),
        baselines.AvellanedaStoikov.from_model(model),
        skew,
        baselines.ExactOptimum(solve_continuous(model, averse.episode.n_steps)),
        baselines.RandomDepths(0.0, 2.0 * half, np.random.default_rng(SEED)),
    ]
    by_regime = baselines.RegimeLinear((half, 2.0 * half), (slope, 2.0 * slope))
    return [*(Workload(averse, rule, n_envs) for rule in rules),
            Workload(switching, by_regime, n_envs)]  # fmt: skip


def measure(n_envs: int, n_rounds: int, n_calls: int) -> Figures:
    """Medians over the rounds, after one that only warms up."""
    works = workloads(n_envs)
    for work in works:
        work.ns_per_env(n_calls)
    rounds = [[work.ns_per_env(n_calls) for work in works] for _ in range(n_rounds)]
    return {
        "envs": n_envs,
        "rounds": n_rounds,
        "calls": n_calls,
        "ns_per_env": {
            work.name: statistics.median(times)
            for work, times in zip(works, zip(*rounds, strict=True), strict=True)
        },
        "closed_forms": [work.name for work in works if work.is_closed_form],
    }


def shortfalls(figures: Figures, ns_most: float) -> list[str]:
    """One line for each closed form that is slower than it must be."""
    return [
        f"{name}: expected at most {ns_most:g} ns per environment, "
        f"got {figures['ns_per_env'][name]:.1f}; is the machine busy?"
        for name in figures["closed_forms"]
        if figures["ns_per_env"][name] > ns_most
    ]


def table(figures: Figures) -> str:
    """The figures for people."""
    lines = [f"{'policy':<24}{'ns per env':>12}   N={figures['envs']}"]
    for name, ns in figures["ns_per_env"].items():
        kind = "closed form" if name in figures["closed_forms"] else ""
        lines.append(f"{name:<24}{ns:>12.1f}   {kind}".rstrip())
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 1 when a closed form is slower than --require, 2 for bad arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.policies",
        description="Measure the baselines' batch act: nanoseconds per environment on one core.",
        epilog="example: python -m experiments.benchmarks.policies --require 20",
    )
    parser.add_argument("--envs", type=positive, default=4096, help="rows of a batch (4096)")
    parser.add_argument("--rounds", type=positive, default=41, help="the median counts (41)")
    parser.add_argument("--calls", type=positive, default=10, help="per policy and round (10)")
    parser.add_argument(
        "--require", type=positive_number, metavar="NS", help="most that a closed form may take"
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    options = parser.parse_args(arguments)
    figures = measure(options.envs, options.rounds, options.calls)
    text = json.dumps(figures, indent=2) if options.json else table(figures)
    sys.stdout.write(text + "\n")
    slow = [] if options.require is None else shortfalls(figures, options.require)
    for line in slow:
        sys.stderr.write(f"{line}\n")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
