"""Policies side by side in the same episodes: `rlmm evaluate`."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.evaluation_config import EvaluateConfig, PlayConfig
from experiments.kept import Kept
from experiments.players import Contest, enter, market_from, played_seed
from reports.evaluation import evaluation_page
from reports.evaluation_values import Evaluation, daily, evaluation_values
from reports.page import render
from reports.statistics.daily import CALENDARS, DAYS_LEAST
from reports.statistics.intervals import Bootstrap
from reports.tear_sheet import tear_sheet
from rlmm_tf import __version__
from rlmm_tf.env import initial_mid_ticks_x2
from rlmm_tf.env.vector import available_threads
from rlmm_tf.evaluation.baselines import BASELINES, FAMILIES, Tuned
from rlmm_tf.evaluation.episodes import UNSTRESSED, EpisodeMetadata
from rlmm_tf.evaluation.play import Trace, play

if TYPE_CHECKING:
    from experiments.console import Progress
    from experiments.run import RunDirectory

RESULT_NAME, PAGE_NAME = "evaluation.json", "index.html"
BENCHMARKS = ("avellaneda_stoikov", "glft")  # whoever is there first is compared with


class Meter:
    """Tells a progress bar what has been played, in episodes."""

    def __init__(self, config: PlayConfig, played: int, progress: Progress) -> None:
        rules = 7 * len([n for n in config.players if n in FAMILIES])  # about; more is no harm
        self._tuning = config.tuning_episodes
        self._total = rules * self._tuning + played
        self._done = 0
        self._progress = progress

    def tuned(self) -> None:
        """A rule has been tried."""
        self.finished(self._tuning, "tuning baselines")

    def of(self, label: str) -> Callable[[int], None]:
        """Counts the episodes that are played under this label."""
        return functools.partial(self.finished, label=label)

    def finished(self, episodes: int, label: str) -> None:
        """So many episodes more."""
        self._done += episodes
        self._total = max(self._total, self._done)
        self._progress(float(self._done), float(self._total), label)


def run_evaluate(
    config: EvaluateConfig, run: RunDirectory, *, progress: Progress
) -> dict[str, Any]:
    """Plays everybody, and writes the table, the steps of a few episodes, the numbers, the page."""
    n_threads = config.threads or available_threads()
    bootstrap = bootstrap_for(config, comparisons=len(config.players))
    market = market_from(config)
    meter = Meter(config, config.episodes * len(config.players), progress)
    contest = enter(config, market, run=run, n_threads=n_threads, tried=meter.tuned)
    kept = Kept(run, metadata_of(config, contest))
    traces: list[Trace] = []
    for player in contest.players:
        playing = functools.partial(
            play,
            player,
            episodes=config.episodes,
            seed=played_seed(config),
            n_threads=n_threads,
            traced=config.traced,
            report=meter.of(player.name),
        )
        traces.append(kept.block(player.name, UNSTRESSED, playing)[1])
    table = kept.table(steps=True)
    evaluation = Evaluation(
        table=table,
        traces=tuple(traces),
        rules={name: described(one) for name, one in contest.tuned.items()},
        benchmark=benchmark_of(config.benchmark, table.policies),
        bootstrap=bootstrap,
        independent=config.replay is None,
        calendar=config.calendar,
        capital=config.capital or table.metadata.capital,
        cautions=market.cautions,
        origin=origin_of(run),
        seeds_of=config.seeds_of,
    )
    values = evaluation_values(evaluation) | {"cautions": list(market.cautions)}
    run.write(RESULT_NAME, json.dumps(values, indent=1) + "\n")
    sheets = _write_tear_sheets(evaluation, run, progress)
    run.write(PAGE_NAME, render(evaluation_page(evaluation, values, sheets)))
    return values


def _write_tear_sheets(
    evaluation: Evaluation, run: RunDirectory, progress: Progress
) -> dict[str, str]:
    """One for each policy against the benchmark, if there are days enough; files by policy."""
    benchmark = daily(evaluation, evaluation.benchmark)
    if benchmark is None or len(benchmark.days) < DAYS_LEAST:
        return {}
    files = {}
    others = [name for name in evaluation.table.policies if name != evaluation.benchmark]
    for i, name in enumerate(others):
        progress(float(i), float(len(others)), "tear sheets")
        days = daily(evaluation, name)
        assert days is not None  # all policies have the same days
        files[name] = f"tear-sheet-{i + 1}.html"
        title = f"{name} against {evaluation.benchmark}"
        calendar = CALENDARS[evaluation.calendar]
        run.write(files[name], tear_sheet(days, benchmark, title=title, calendar=calendar))
    return files


def bootstrap_for(config: PlayConfig, *, comparisons: int) -> Bootstrap:
    """With enough resamples to tell so many comparisons apart."""
    needed = math.ceil(4 * max(2, comparisons) / (1.0 - config.confidence)) + 1
    return Bootstrap(config.seed, resamples=max(10_000, needed), level=config.confidence)


def origin_of(run: RunDirectory) -> dict[str, Any]:
    """What a page's footer says: enough to do it again."""
    git = run.manifest["git"] or {}
    return {
        "command": " ".join(run.manifest["command"]),
        "configuration": run.manifest["config_sha256"],
        "source": git.get("commit"),
        "rlmm_tf": __version__,
        "numpy": np.__version__,
    }


def metadata_of(config: PlayConfig, contest: Contest) -> EpisodeMetadata:
    """What the table says about itself; who plays does not change it."""
    params = contest.market.params
    return EpisodeMetadata(
        market=contest.market.name,
        problem_sha256=params.content_hash(),
        seed=config.seed,
        tick_value=params.tick_value,
        step_ns=params.episode.step_ns,
        steps=params.episode.n_steps,
        inventory_cap_lots=params.limits.inventory_cap_lots,
        mid_ticks_x2=initial_mid_ticks_x2(params),
    )


def described(tuned: Tuned) -> str:
    """How a baseline came to its numbers."""
    if tuned.tried == 0:
        return tuned.rule
    return f"{tuned.rule}, the best of {tuned.tried} by mean reward ({tuned.mean_reward:.6g})"


def benchmark_of(wanted: str | None, policies: Sequence[str]) -> str:
    """Whom the others are compared with."""
    order = [*BENCHMARKS, *(name for name in policies if name in BASELINES), *policies]
    return wanted or next(name for name in order if name in policies)
