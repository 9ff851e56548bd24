"""The numbers of an evaluation: what its page shows, for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.statistics.daily import CALENDARS, DAYS_LEAST, RETURN_MOST, DailyPnl, daily_pnl
from reports.statistics.intervals import (
    Bootstrap,
    compare,
    iqm_of_seeds,
    mean_estimates,
    paired_differences,
)
from reports.statistics.market_making import metrics_of, pnl
from reports.statistics.performance import performance
from rlmm_tf.evaluation.episodes import EpisodeTable
from rlmm_tf.evaluation.play import Trace

CURRENCY = "account currency"


@dataclass(frozen=True)
class Evaluation:
    """What was played, and how it is to be read."""

    table: EpisodeTable
    traces: tuple[Trace, ...]
    rules: Mapping[str, str]  # how baselines came to their numbers
    benchmark: str
    bootstrap: Bootstrap
    independent: bool  # False: episodes are overlapping pieces of one recording
    calendar: str
    capital: float
    origin: Mapping[str, Any]  # what the page's footer says
    cautions: tuple[str, ...] = ()  # of the market's calibration
    seeds_of: Mapping[str, Sequence[str]] = field(default_factory=dict)  # one policy's, by label


def evaluation_values(evaluation: Evaluation) -> dict[str, Any]:
    """All numbers of the page, for machines."""
    table, bootstrap = evaluation.table, _bootstrap(evaluation)
    metadata = table.metadata
    outcomes = {name: pnl(table.of(name), metadata) for name in table.policies}
    rewards = {name: table.of(name)["reward"] for name in table.policies}
    intervals = mean_estimates(np.stack(list(outcomes.values())), bootstrap)
    policies: dict[str, Any] = {}
    for name, estimate in zip(table.policies, intervals, strict=True):
        policies[name] = {
            "mean_pnl_low": estimate.low,
            "mean_pnl_high": estimate.high,
            **_by_day(evaluation, name),
            "metrics": dict(metrics_of(table.of(name), metadata)),
            "rule": evaluation.rules.get(name),
        }
    return {
        "market": metadata.market,
        "problem_sha256": metadata.problem_sha256,
        "seed": metadata.seed,
        "episodes": len(table.of(evaluation.benchmark)),
        "benchmark": evaluation.benchmark,
        "confidence": bootstrap.level,
        "capital": evaluation.capital,
        "calendar": CALENDARS[evaluation.calendar].name,
        "policies": policies,
        "seeds": {
            label: {
                "runs": list(runs),
                "pnl": _over_seeds(outcomes, runs, evaluation),
                "reward": _over_seeds(rewards, runs, evaluation),
            }
            for label, runs in evaluation.seeds_of.items()
        },
        "against_benchmark": {
            "pnl": _compared(outcomes, evaluation),
            "reward": _compared(rewards, evaluation),
        },
    }


def _over_seeds(
    outcomes: Mapping[str, NDArray[np.float64]], runs: Sequence[str], evaluation: Evaluation
) -> dict[str, Any]:
    """The interquartile mean of all episodes of all seeds, and of what they are off the benchmark.

    A seed has met all episodes, so seeds are what varies: the interval is of what another one
    would do, in these episodes.
    """
    level = evaluation.bootstrap.level
    reference = outcomes[evaluation.benchmark]
    tables = {"": np.stack([outcomes[run] for run in runs])}
    if evaluation.benchmark not in runs:
        tables["difference_"] = np.stack(
            [paired_differences(outcomes[run], reference) for run in runs]
        )
    found: dict[str, Any] = {}
    for prefix, table in tables.items():
        one = iqm_of_seeds(table, level=level)
        found |= {f"{prefix}iqm": one.mean, f"{prefix}low": one.low, f"{prefix}high": one.high}
    return found


def _bootstrap(evaluation: Evaluation) -> Bootstrap:
    """Pieces that overlap are no sample: with one block there is no interval, and no p-value."""
    if evaluation.independent:
        return evaluation.bootstrap
    count = len(evaluation.table.blocks[0])
    return replace(evaluation.bootstrap, block_length=count)


def why_no_days(evaluation: Evaluation) -> str:
    """Why episodes make no days; empty if they do."""
    table, calendar = evaluation.table, CALENDARS[evaluation.calendar]
    episode_ns = table.metadata.steps * table.metadata.step_ns
    largest = max(float(np.abs(pnl(block, table.metadata)).sum()) for block in table)
    if not evaluation.independent:
        return "pieces of one recording overlap and make no days"
    if calendar.session_ns % episode_ns:
        return f"episodes of this length do not fill {calendar.name} evenly"
    if len(table.blocks[0]) * episode_ns < calendar.session_ns:
        return f"all episodes together are shorter than one of {calendar.name}"
    if not evaluation.capital > 0.0 or not largest < RETURN_MOST * evaluation.capital:
        return (
            f"a capital of {evaluation.capital:.6g} is no measure of such a PnL (up to "
            f"{largest:.6g}); state another one"
        )
    return ""


def daily(evaluation: Evaluation, policy: str) -> DailyPnl | None:
    """Episodes one after the other fill sessions; what is left over is no day.

    None where they make no days (`why_no_days`). Each episode takes the time of one that reaches
    its horizon, so that all policies have the same days.
    """
    table, calendar = evaluation.table, CALENDARS[evaluation.calendar]
    if why_no_days(evaluation):
        return None
    outcomes = pnl(table.of(policy), table.metadata)
    episode_ns = table.metadata.steps * table.metadata.step_ns
    days = calendar.simulated_days(np.arange(len(outcomes)) * episode_ns)
    whole = len(outcomes) * episode_ns // calendar.session_ns
    inside = np.isin(days, np.unique(days)[:whole])
    return daily_pnl(days[inside], outcomes[inside], capital=evaluation.capital, currency=CURRENCY)


def _by_day(evaluation: Evaluation, policy: str) -> dict[str, Any]:
    """Risk by day; undefined for fewer than DAYS_LEAST of them."""
    calendar, days = CALENDARS[evaluation.calendar], daily(evaluation, policy)
    count = 0 if days is None else len(days.pnl)
    if days is None or count < DAYS_LEAST:
        return {"days": count, "sharpe": None, "sortino": None, "by_day": None}
    found = performance(days, calendar)
    return {
        "days": count, "sharpe": found.sharpe, "sortino": found.sortino, "by_day": asdict(found),
    }  # fmt: skip


def _compared(
    outcomes: Mapping[str, NDArray[np.float64]], evaluation: Evaluation
) -> dict[str, Any]:
    return {
        one.policy: {
            "difference": one.difference.mean,
            "low": one.difference.low,
            "high": one.difference.high,
            "p_adjusted": one.p_adjusted,
            "significant": one.significant,
        }
        for one in compare(outcomes, evaluation.benchmark, _bootstrap(evaluation))
    }
