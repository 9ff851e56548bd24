"""Whether the reports' intervals cover, and how often they call luck a difference.

    python -m experiments.benchmarks.bootstrap_coverage [--experiments 2000] [--seed 1] [--json]

Each experiment draws outcomes whose truth is known and asks `reports.statistics.intervals` for a
95 % interval: of independent episodes (normal; skewed like a market maker's PnL: small gains, rare
losses; heavy tails of finite variance), of days that resemble their neighbours (drawn in blocks),
of interquartile means over seeds. Both methods of means are shown; held is the default. In `null`,
seven policies earn what the reference earns: `single` counts experiments in which the first is
called different by itself, `family` those in which any of the seven is, by Holm.

Exit code 1 when a coverage is outside of 93 to 97 %, or a null comparison is flagged in more than
5 %; of fewer than 2000 experiments, by three standard errors more.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.arguments import positive
from reports.statistics.intervals import (
    Bootstrap,
    Estimate,
    compare,
    iqm_of_runs,
    iqm_of_seeds,
    mean_estimates,
)
from rlmm_tf.seeding import seed_sequence

Floats = NDArray[np.float64]
Figures = dict[str, Any]

RESAMPLES = 999
EPISODES, DAYS, DAYS_ALIKE = 200, 250, 0.3
BLOCK_DAYS = 10
POLICIES = 8
FULL = 2000
LEAST, MOST, FLAGGED_MOST = 0.93, 0.97, 0.05
METHODS: tuple[Literal["studentised", "percentile"], ...] = ("studentised", "percentile")


def market_maker(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Small gains and rare losses, of mean 0 and skewness -3.3."""
    losses = rng.exponential(3.0, shape) * (rng.random(shape) < 0.1)
    return rng.normal(0.3, 1.0, shape) - losses


def neighbours(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Days that each resemble the one before: autoregressive, skewed, of mean 0."""
    noise = 1.0 - rng.exponential(1.0, shape)
    days = [noise[..., 0] / math.sqrt(1.0 - DAYS_ALIKE**2)]
    for i in range(1, shape[-1]):
        days.append(DAYS_ALIKE * days[-1] + noise[..., i])
    return np.stack(days, axis=-1)


@dataclass(frozen=True)
class Means:
    """Outcomes of mean 0."""

    draw: Callable[[np.random.Generator, tuple[int, ...]], Floats]
    count: int = EPISODES
    block_length: int = 1

    def estimates(self, rng: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        """By method, with the truth."""
        values = self.draw(rng, (1, self.count))
        how = {"resamples": RESAMPLES, "block_length": self.block_length}
        return {
            method: (mean_estimates(values, Bootstrap(seed, **how, method=method))[0], 0.0)
            for method in METHODS
        }


@dataclass(frozen=True)
class Runs:
    """Scores of runs (rows) that were trained for their task (column) alone."""

    runs: int
    tasks: int

    def estimates(self, rng: np.random.Generator, seed: int) -> dict[str, tuple[Estimate, float]]:
        """By the only method, with the truth."""
        scores = rng.exponential(1.0, (self.runs, self.tasks))
        found = iqm_of_runs(scores, Bootstrap(seed, RESAMPLES))
        return {"stratified": (found, iqm_of_exponential())}


@dataclass(frozen=True)
class Seeds:
    """Scores of seeds (rows) in episodes (columns) that they all met."""

    seeds: int
    episodes: int

    def estimates(self, rng: np.random.Generator, _: int) -> dict[str, tuple[Estimate, float]]:
        """By the only method, with the truth."""
        scores = rng.normal(0.0, 0.5, (self.seeds, self.episodes))
        scores += rng.normal(0.0, 1.0, (self.seeds, 1))  # more is a seed's own than an episode's
        return {"jackknife": (iqm_of_seeds(scores), 0.0)}


def iqm_of_exponential() -> float:
    """The mean of a standard exponential number between its quartiles."""
    a, b = math.log(4.0 / 3.0), math.log(4.0)
    return 2.0 * ((a + 1.0) * math.exp(-a) - (b + 1.0) * math.exp(-b))


CASES: dict[str, Means | Runs | Seeds] = {
    "normal": Means(lambda rng, shape: rng.standard_normal(shape)),
    "market maker": Means(market_maker),
    "heavy tails": Means(lambda rng, shape: rng.standard_t(3.0, shape)),
    "days in blocks": Means(neighbours, DAYS, BLOCK_DAYS),
    "iqm, 10 runs x 20 tasks": Runs(10, 20),
    "iqm, 5 seeds x 50 episodes": Seeds(5, 50),
    "iqm, 10 seeds x 50 episodes": Seeds(10, 50),
}


def covers(estimate: Estimate, truth: float) -> bool:
    """Whether the truth is in the interval; an end that is missing is infinitely far."""
    low = -math.inf if estimate.low is None else estimate.low
    return low <= truth <= (math.inf if estimate.high is None else estimate.high)


def flags(rng: np.random.Generator, seed: int) -> tuple[bool, bool]:
    """Whether the first of several equal policies, or any of them, is called different."""
    outcomes = market_maker(rng, (POLICIES, EPISODES)) + 2.0 * rng.standard_normal(EPISODES)
    named = {str(i): outcomes[i] for i in range(POLICIES)}
    found = compare(named, "0", Bootstrap(seed, resamples=RESAMPLES))
    first = found[0].difference.p_value
    return first is not None and first <= 0.05, any(one.significant for one in found)


def measure(experiments: int, seed: int) -> Figures:
    """Shares of experiments."""
    coverage: dict[str, dict[str, float]] = {}
    for place, (name, case) in enumerate(CASES.items()):
        hits: dict[str, int] = {}
        for i in range(experiments):
            rng = np.random.default_rng(seed_sequence(seed, place, i))
            for method, (estimate, truth) in case.estimates(rng, i).items():
                hits[method] = hits.get(method, 0) + covers(estimate, truth)
        coverage[name] = {method: count / experiments for method, count in hits.items()}
    null = [
        flags(np.random.default_rng(seed_sequence(seed, len(CASES), i)), i)
        for i in range(experiments)
    ]
    single, family = np.mean(null, axis=0).tolist()
    return {
        "experiments": experiments,
        "seed": seed,
        "resamples": RESAMPLES,
        "coverage": coverage,
        "null": {"single": single, "family": family},
    }


def problems(figures: Figures) -> list[str]:
    """What breaks the promise."""
    count = figures["experiments"]
    luck = 0.0 if count >= FULL else 3.0 * math.sqrt(0.05 * 0.95 / count)
    low, high, flagged = LEAST - luck, min(MOST + luck, 1.0), FLAGGED_MOST + luck
    found = []
    for name, methods in figures["coverage"].items():
        method = next(iter(methods))
        share = methods[method]
        if not low <= share <= high:
            found.append(f"{name}: coverage {share:.2%}, expected {low:.0%} to {high:.0%}")
    for name, share in figures["null"].items():
        if share > flagged:
            found.append(f"null, {name}: flagged {share:.2%}, expected at most {flagged:.0%}")
    return found


def table(figures: Figures) -> str:
    """The figures for people."""
    lines = [f"coverage of 95 % intervals in {figures['experiments']} experiments"]
    for name, methods in figures["coverage"].items():
        shares = "  ".join(f"{method} {share:.2%}" for method, share in methods.items())
        lines.append(f"  {name:<28}{shares}")
    shares = "  ".join(f"{name} {share:.2%}" for name, share in figures["null"].items())
    return "\n".join([*lines, f"null comparisons flagged: {shares}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 1 when intervals do not cover, 2 for bad arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.bootstrap_coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--experiments", type=positive, default=FULL, help=f"({FULL})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    options = parser.parse_args(arguments)
    figures = measure(options.experiments, options.seed)
    sys.stdout.write((json.dumps(figures, indent=2) if options.json else table(figures)) + "\n")
    broken = problems(figures)
    for text in broken:
        sys.stderr.write(text + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
