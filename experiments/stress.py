"""Policies in scenarios, each against itself without: `rlmm stress`."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Container, Mapping, Sequence
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
from reports.page import Page, render
from reports.stress import (
    COLUMNS,
    NO_SCENARIO,
    Stress,
    markdown,
    stress_page,
    stress_rows,
    worst_of,
)
from reports.sweeps import SWEEP_COLUMNS, Sweeps, sweep_rows, sweeps_page
from rlmm_tf.env.vector import available_threads
from rlmm_tf.evaluation.episodes import UNSTRESSED, EpisodeTable
from rlmm_tf.evaluation.play import play
from rlmm_tf.evaluation.scenarios import (
    SCENARIOS,
    CannotStressError,
    Scenario,
    own_scenario,
    setting_name,
)
from rlmm_tf.evaluation.sweeps import sweep
from rlmm_tf.params import EnvParams

if TYPE_CHECKING:
    from experiments.console import Progress
    from experiments.markets import Market
    from experiments.run import RunDirectory

RESULT_NAME = "stress.json"
CSV_NAME, MARKDOWN_NAME = "stress.csv", "stress.md"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet computes
SWEEPS_CSV, SWEEPS_PAGE = "sweeps.csv", "sweeps.html"


def scenario_names(config: StressConfig) -> tuple[str, ...]:
    """Those that are asked for: all there are if none is named, and no sweep either.

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
    if config.scenarios or config.sweeps:
        return tuple(dict.fromkeys([*config.scenarios, *(config.own if config.sweeps else ())]))
    return tuple(known)


def run_stress(config: StressConfig, run: RunDirectory, *, progress: Progress) -> dict[str, Any]:
    """Plays everybody in every setting, and writes the episodes, the tables and the pages."""
    n_threads = config.threads or available_threads()
    market = market_from(config)
    stressed, left_out = _settings(config, market.params)
    cells, unswept = _cells(config, market.params)
    settings = {UNSTRESSED: market.params, **stressed, **cells}
    meter = Meter(config, config.episodes * len(settings) * len(config.players), progress)
    contest = enter(config, market, run=run, n_threads=n_threads, tried=meter.tuned)
    kept = Kept(run, metadata_of(config, contest))
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
    table = kept.table(steps=False)
    values: dict[str, Any] = {
        "market": market.name,
        "cautions": list(market.cautions),
        "problem_sha256": table.metadata.problem_sha256,
        "episodes": config.episodes,
        "left_out": left_out | unswept,
        "policies": {name: {} for name in table.policies},
        "rows": [],
        "sweeps": [],
    }
    pages: dict[str, Page] = {}
    if cells:
        swept = _only(table, cells)
        pages[SWEEPS_PAGE] = _sweep_results(config, swept, market, unswept, run, values)
    if stressed:
        rules = {name: described(one) for name, one in contest.tuned.items()}
        own = _only(table, stressed)
        pages[PAGE_NAME] = _stress_results(config, own, market, left_out, rules, run, values)
    run.write(RESULT_NAME, json.dumps(values, indent=1) + "\n")
    for name, page in pages.items():
        run.write(name if stressed else PAGE_NAME, render(page))
    return values


def _stress_results(
    config: StressConfig,
    table: EpisodeTable,
    market: Market,
    left_out: Mapping[str, str],
    rules: Mapping[str, str],
    run: RunDirectory,
    values: dict[str, Any],
) -> Page:
    """The page; tables are written, numbers put into `values`."""
    stress = Stress(
        table=table,
        about={name: one.about for name, one in _scenarios(config).items()},
        rules=rules,
        left_out=left_out,
        bootstrap=bootstrap_for(config, comparisons=len(table.blocks)),
        cautions=market.cautions,
        origin=origin_of(run),
    )
    rows = stress_rows(stress)
    values["rows"] = rows
    values["policies"] = {name: {"worst": worst_of(rows, name)} for name in table.policies}
    run.write(CSV_NAME, _csv(rows, COLUMNS))
    run.write(MARKDOWN_NAME, markdown(rows))
    return stress_page(stress, rows)


def _sweep_results(
    config: StressConfig,
    table: EpisodeTable,
    market: Market,
    left_out: Mapping[str, str],
    run: RunDirectory,
    values: dict[str, Any],
) -> Page:
    """The page; the table is written, numbers put into `values`."""
    sweeps = Sweeps(
        table=table,
        sweeps=[sweep(text) for text in config.sweeps if text not in left_out],
        left_out=left_out,
        bootstrap=bootstrap_for(config, comparisons=len(table.blocks) * len(config.sweeps)),
        cautions=market.cautions,
        origin=origin_of(run),
    )
    rows = sweep_rows(sweeps)
    values["sweeps"] = rows
    run.write(SWEEPS_CSV, _csv(rows, SWEEP_COLUMNS))
    return sweeps_page(sweeps, rows)


def _only(table: EpisodeTable, settings: Container[str]) -> EpisodeTable:
    """The table's blocks of these settings, and of none; what they are called says nothing."""
    kept = [block for block in table if block.setting == UNSTRESSED or block.setting in settings]
    return EpisodeTable(table.metadata, tuple(kept))


def _cells(config: StressConfig, params: EnvParams) -> tuple[dict[str, EnvParams], dict[str, str]]:
    """Problems of the sweeps by setting, and why some do not fit the market.

    Raises:
        ConfigError: none fits.
    """
    found: dict[str, EnvParams] = {}
    left_out: dict[str, str] = {}
    for text in config.sweeps:
        try:
            found |= {cell.setting: cell.params for cell in sweep(text).cells(params)}
        except CannotStressError as error:
            left_out[text] = str(error)
    if config.sweeps and not found:
        raise ConfigError([Problem("sweeps", reason) for reason in left_out.values()])
    return found, left_out


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
    if named or not (found or config.sweeps):
        lines = [Problem("scenarios", left_out[name]) for name in named or left_out]
        raise ConfigError(list(dict.fromkeys(lines)))
    return found, left_out


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows({name: _defused(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _defused(value: object) -> object:
    """A text that a spreadsheet would take for a formula is one no longer; numbers stay."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
