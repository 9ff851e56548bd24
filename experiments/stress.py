"""Policies in scenarios, each against itself without: `rlmm stress`."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from experiments.errors import ConfigError, Problem, did_you_mean
from experiments.evaluate import (
    PAGE_NAME,
    Meter,
    bootstrap_for,
    described,
    metadata_of,
    origin_of,
)
from experiments.evaluation_config import StressConfig
from experiments.kept import Kept
from experiments.players import enter, market_from, played_seed
from reports.page import render
from reports.stress import (
    COLUMNS,
    NO_SCENARIO,
    Stress,
    markdown,
    stress_page,
    stress_rows,
    worst_of,
)
from rlmm_tf.env.vector import available_threads
from rlmm_tf.evaluation.episodes import UNSTRESSED
from rlmm_tf.evaluation.play import play
from rlmm_tf.evaluation.scenarios import (
    SCENARIOS,
    CannotStressError,
    Scenario,
    own_scenario,
    setting_name,
)
from rlmm_tf.params import EnvParams

if TYPE_CHECKING:
    from experiments.console import Progress
    from experiments.run import RunDirectory

RESULT_NAME = "stress.json"
CSV_NAME, MARKDOWN_NAME = "stress.csv", "stress.md"


def scenario_names(config: StressConfig) -> tuple[str, ...]:
    """Those that are asked for: all there are if none is named.

    Raises:
        ConfigError: there is no such scenario, or one's own has the name of another.
    """
    known = [*SCENARIOS, *config.own]
    problems = [
        Problem(f"own.{name}", "expected a name of its own, got that of a scenario there is")
        for name in config.own
        if name in {*SCENARIOS, NO_SCENARIO}
    ]
    for name in config.scenarios:
        if name not in known:
            message = f"expected one of {', '.join(known)}, got {name!r}"
            problems.append(Problem("scenarios", message + did_you_mean(name, known)))
    if problems:
        raise ConfigError(problems)
    return config.scenarios or tuple(known)


def run_stress(config: StressConfig, run: RunDirectory, *, progress: Progress) -> dict[str, Any]:
    """Plays everybody in every setting, and writes the episodes, the table and the page."""
    n_threads = config.threads or available_threads()
    market = market_from(config)
    params = market.params
    stressed, left_out = _settings(config, params)
    settings = {UNSTRESSED: params, **stressed}
    plays = len(settings) * len(config.players)
    meter = Meter(config, config.episodes * plays, progress)
    contest = enter(config, market, run=run, n_threads=n_threads, tried=meter.tuned)
    kept = Kept(run, functools.partial(metadata_of, config, contest), params.episode.n_steps)
    for setting, problem in settings.items():
        for player in contest.players:
            playing = functools.partial(
                play,
                player.in_problem(problem),
                episodes=config.episodes,
                seed=played_seed(config),
                n_threads=n_threads,
                setting=setting,
                report=meter.of(setting or "without stress"),
            )
            kept.block(player.name, setting, playing)
    stress = Stress(
        table=kept.table(steps=False),
        about={name: one.about for name, one in _scenarios(config).items()},
        rules={name: described(one) for name, one in contest.tuned.items()},
        left_out=left_out,
        bootstrap=bootstrap_for(config, comparisons=len(stressed) * len(config.players)),
        cautions=market.cautions,
        origin=origin_of(run),
    )
    rows = stress_rows(stress)
    values = {
        "market": market.name,
        "cautions": list(market.cautions),
        "problem_sha256": stress.table.metadata.problem_sha256,
        "episodes": config.episodes,
        "left_out": left_out,
        "policies": {name: {"worst": worst_of(rows, name)} for name in stress.table.policies},
        "rows": rows,
    }
    run.write(CSV_NAME, _csv(rows))
    run.write(MARKDOWN_NAME, markdown(rows))
    run.write(RESULT_NAME, json.dumps(values, indent=1) + "\n")
    run.write(PAGE_NAME, render(stress_page(stress, rows)))
    return values


def _scenarios(config: StressConfig) -> dict[str, Scenario]:
    own = {
        name: own_scenario(name, one.about, one.shocks, one.overrides)
        for name, one in config.own.items()
    }
    known = {**SCENARIOS, **own}
    return {name: known[name] for name in scenario_names(config)}


def _settings(
    config: StressConfig, params: EnvParams
) -> tuple[dict[str, EnvParams], dict[str, str]]:
    """Problems by name, and why some scenarios do not fit the market.

    Raises:
        ConfigError: a scenario that was named, or all of them, do not fit.
    """
    found: dict[str, EnvParams] = {}
    left_out: dict[str, str] = {}
    for name, scenario in _scenarios(config).items():
        for severity in scenario.severities:
            if severity not in config.severities and len(scenario.severities) > 1:
                continue
            try:
                found[setting_name(name, severity)] = scenario.applied(params, severity)
            except CannotStressError as error:
                left_out[name] = str(error)
    named = [name for name in left_out if name in config.scenarios or name in config.own]
    if named or not found:
        lines = [Problem("scenarios", left_out[name]) for name in named or left_out]
        raise ConfigError(list(dict.fromkeys(lines)))
    return found, left_out


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
