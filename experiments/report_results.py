"""What runs have written about themselves, read back and doubted: the numbers of a report.

Those of an evaluation are computed anew from its table of episodes. The files beside it have to be
of the same episodes, so that whatever was edited, swapped or copied in part is told and not shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiments.config import load_config
from experiments.errors import listed, shown, shown_place
from experiments.evaluate import RESULT_NAME as EVALUATION_NAME
from experiments.evaluate import benchmark_of, bootstrap_for
from experiments.evaluation_config import EvaluateConfig
from experiments.kept import STEPS_NAME, TABLE_NAME
from experiments.report_runs import RESULTS, FoundRun
from experiments.run import CONFIG_NAME
from experiments.stress import RESULT_NAME as STRESS_NAME
from reports.evaluation_values import Evaluation, evaluation_values
from reports.statistics.daily import CALENDARS
from reports.stress import COLUMNS
from rlmm_tf.evaluation.episodes import UNSTRESSED, EpisodeTable
from rlmm_tf.evaluation.play import Trace
from rlmm_tf.evaluation.trace import read_traces

# What evaluation.json says about all of its numbers, which the table and config.yaml say too.
IDENTITY = (
    "market", "problem_sha256", "seed", "episodes", "benchmark", "confidence", "capital",
    "calendar",
)  # fmt: skip
_WORDS = ("scenario", "policy")
_UNKNOWN = {"es_95", "fill_ratio", "change", "change_low", "change_high", "p_adjusted"}


def evaluation_in(run: FoundRun) -> tuple[Evaluation, dict[str, Any]]:
    """What was played, and its values, computed from the table.

    Raises:
        InputError: the files are not those of an evaluation, or not of the same one.
    """
    config = load_config(run.path / CONFIG_NAME, [], EvaluateConfig)
    written = values_in(run, (*IDENTITY, "policies"))
    try:
        table = EpisodeTable.read(run.path / TABLE_NAME)
        traces = read_traces(run.path / STEPS_NAME, table.metadata.steps)
    except (OSError, ValueError, TypeError) as error:
        raise run.problem(shown_place(str(error).splitlines()[0])) from None
    policies = list(table.policies)
    _require_policies(run, config, written["policies"], policies)
    _require_steps(run, traces, table)
    evaluation = Evaluation(
        table=table,
        traces=tuple(traces.values()),
        rules={},
        benchmark=benchmark_of(config.benchmark, policies),
        bootstrap=bootstrap_for(config, comparisons=len(policies)),
        independent=config.replay is None,
        calendar=config.calendar,
        capital=config.capital or table.metadata.capital,
        origin={name: run.facts[name] for name in ("command", "configuration", "source")},
        cautions=tuple(map(str, _list_of(written.get("cautions")))),
        seeds_of=config.seeds_of,
    )
    _require_same(run, written, evaluation)
    values = evaluation_values(evaluation)
    # A report compares everybody by money and by reward, which takes more resamples.
    bootstrap = bootstrap_for(config, comparisons=2 * len(policies))
    return replace(evaluation, bootstrap=bootstrap), values


def _require_policies(
    run: FoundRun, config: EvaluateConfig, written: object, policies: Sequence[str]
) -> None:
    """The same in all files, in the same order; config.yaml names them by whatever it likes."""
    if not isinstance(written, dict) or list(written) != list(policies):
        raise run.problem(
            f"{EVALUATION_NAME}: expected the policies of {TABLE_NAME} in their order, "
            f"{listed(map(shown, policies), last='and')}, got others; evaluate again"
        )
    named = [*(run for runs in config.seeds_of.values() for run in runs), config.benchmark]
    absent = [name for name in named if name is not None and name not in policies]
    if absent:
        raise run.problem(
            f"{CONFIG_NAME}: expected policies of {TABLE_NAME}, got {shown(absent[0])!r}; "
            "evaluate again"
        )


def _require_steps(run: FoundRun, traces: Mapping[str, Trace], table: EpisodeTable) -> None:
    """Episodes without stress, and steps of some of them."""
    if table.settings != (UNSTRESSED,):
        raise run.problem(
            f"{TABLE_NAME}: expected episodes without stress alone, got others; evaluate again"
        )
    longest = max((len(trace.columns) for trace in traces.values()), default=0)
    if not set(traces) <= set(table.policies) or longest > len(table.blocks[0]):
        raise run.problem(
            f"{STEPS_NAME}: expected steps of the episodes in {TABLE_NAME}, got others; evaluate "
            "again"
        )


def _require_same(run: FoundRun, written: Mapping[str, Any], evaluation: Evaluation) -> None:
    metadata = evaluation.table.metadata
    known = {
        "market": metadata.market,
        "problem_sha256": metadata.problem_sha256,
        "seed": metadata.seed,
        "episodes": len(evaluation.table.blocks[0]),
        "benchmark": evaluation.benchmark,
        "confidence": evaluation.bootstrap.level,
        "capital": evaluation.capital,
        "calendar": CALENDARS[evaluation.calendar].name,
    }
    for name in IDENTITY:
        if written[name] != known[name]:
            raise run.problem(
                f"{EVALUATION_NAME}: {name}: expected {shown(str(known[name]))}, as {TABLE_NAME} "
                f"and {CONFIG_NAME} have it, got {shown(str(written[name]))}; these files are not "
                "of one evaluation: evaluate again"
            )


def stress_in(run: FoundRun) -> dict[str, Any]:
    """The values of stress.json; its rows are empty where only properties were swept.

    Raises:
        InputError: they are not those of a stress test.
    """
    values = values_in(run, ("market", "problem_sha256", "policies", "rows"))
    rows, policies = values["rows"], values["policies"]
    sound = (
        all(isinstance(values[name], str) for name in ("market", "problem_sha256"))
        and isinstance(policies, dict)
        and isinstance(rows, list)
        and all(isinstance(row, dict) and set(COLUMNS) <= row.keys() for row in rows)
    )
    if not sound:
        raise run.problem(
            f"{STRESS_NAME}: expected rows of every policy with {', '.join(COLUMNS)}, got others; "
            "run it again"
        )
    for i, row in enumerate(rows):
        for name in COLUMNS:
            if not _fits(name, row[name]):
                what = "text" if name in _WORDS else "a finite number"
                raise run.problem(
                    f"{STRESS_NAME}: rows[{i}].{name}: expected {what}, got "
                    f"{shown(str(row[name]))}; run it again"
                )
    stressed = {row["policy"] for row in rows if row["change"] is not None}
    wanted = set(policies) if rows or not values.get("sweeps") else set()
    if stressed != wanted or not {row["policy"] for row in rows} <= wanted:
        raise run.problem(
            f"{STRESS_NAME}: expected rows of every policy, with and without stress, got others; "
            "run it again"
        )
    return values


def _fits(name: str, value: object) -> bool:
    """Whether a column can have this value."""
    if name in _WORDS:
        return isinstance(value, str)
    return is_number(value) or (value is None and name in _UNKNOWN)


def is_number(value: object) -> bool:
    """Finite, and of a size that can be computed with."""
    return type(value) in (int, float) and abs(value) < 1e100  # type: ignore[arg-type]


def certificate_in(run: FoundRun) -> dict[str, Any]:
    """What result.json says about an optimum.

    Raises:
        InputError: it is not that of a certificate.
    """
    values = values_in(run, ("set_name", "agent"))
    exact = values.get("exact") or {}  # of a closed form; learning agents say it themselves
    known = {name: values.get(name) for name in ("set_name", "agent")}
    numbers = {
        name: found[name]
        for found in (values, exact if isinstance(exact, dict) else {})
        for name in ("optimum", "percent_of_optimum", "percent_mean")
        if name in found
    }
    odd = [name for name, value in known.items() if not isinstance(value, str)]
    odd += [name for name, value in numbers.items() if value is not None and not is_number(value)]
    if odd or not isinstance(exact, dict):
        raise run.problem(
            f"{RESULTS[run.kind]}: expected names and finite numbers, got something else in "
            f"{(odd or ['exact'])[0]}; certify again"
        )
    return {**known, **numbers}


def _list_of(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def values_in(run: FoundRun, needed: Sequence[str]) -> dict[str, Any]:
    """The numbers that the run found.

    Raises:
        InputError: they are not there.
    """
    name = RESULTS[run.kind]
    try:
        values = json.loads((run.path / name).read_text("utf-8"))
        missing = [key for key in needed if key not in values]
    except (OSError, ValueError, TypeError):
        values, missing = {}, list(needed)
    if missing or not isinstance(values, dict):
        raise run.problem(
            f"{name}: expected the numbers of rlmm {run.kind}, with {listed(missing, last='and')}, "
            "got something else; run it again"
        )
    return values
