"""The page of an evaluation: what each policy earned, at what risk, against what, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import tear_sheet
from reports.page import (
    Bars,
    Facts,
    Gallery,
    Links,
    Page,
    PolicyLines,
    Section,
    Table,
    cautions_note,
    looks,
)
from reports.statistics.daily import CALENDARS, DailyPnl, daily_pnl
from reports.statistics.intervals import Bootstrap, compare, mean_estimates
from reports.statistics.market_making import METRICS, metrics_of, pnl
from reports.statistics.performance import max_drawdown, sharpe, sortino
from rlmm_tf.evaluation.episodes import HORIZONS, EpisodeTable
from rlmm_tf.evaluation.play import Trace

TITLE = "Evaluation"
CURRENCY = "account currency"
POINTS_MOST = 400  # of a line: more cannot be seen
DAYS_LEAST = 2  # for a Sharpe ratio
SHEET_DAYS = tear_sheet.DAYS_LEAST


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
        "against_benchmark": {
            "pnl": _compared(outcomes, evaluation),
            "reward": _compared(rewards, evaluation),
        },
    }


def _bootstrap(evaluation: Evaluation) -> Bootstrap:
    """Pieces that overlap are no sample: with one block there is no interval, and no p-value."""
    if evaluation.independent:
        return evaluation.bootstrap
    count = len(evaluation.table.blocks[0])
    return replace(evaluation.bootstrap, block_length=count)


def daily(evaluation: Evaluation, policy: str) -> DailyPnl | None:
    """Episodes one after the other fill sessions; what is left over is no day.

    None where there is no whole day, where episodes do not fill sessions evenly, and where they are
    overlapping pieces of one recording. Each episode takes the time of one that
    reaches its horizon, so that all policies have the same days.
    """
    table, calendar = evaluation.table, CALENDARS[evaluation.calendar]
    outcomes = pnl(table.of(policy), table.metadata)
    episode_ns = table.metadata.steps * table.metadata.step_ns
    days = calendar.simulated_days(np.arange(len(outcomes)) * episode_ns)
    whole = len(outcomes) * episode_ns // calendar.session_ns
    even = evaluation.independent and calendar.session_ns % episode_ns == 0
    if whole == 0 or not even:
        return None
    inside = np.isin(days, np.unique(days)[:whole])
    return daily_pnl(days[inside], outcomes[inside], capital=evaluation.capital, currency=CURRENCY)


def _by_day(evaluation: Evaluation, policy: str) -> dict[str, Any]:
    """Risk by day; undefined for less than two days."""
    calendar, days = CALENDARS[evaluation.calendar], daily(evaluation, policy)
    count = 0 if days is None else len(days.pnl)
    if days is None or count < DAYS_LEAST:
        return {"days": count, "sharpe": None, "sortino": None, "max_drawdown_of_days": None}
    return {
        "days": count,
        "sharpe": sharpe(days.returns, calendar),
        "sortino": sortino(days.returns, calendar),
        "max_drawdown_of_days": max_drawdown(days.returns) * evaluation.capital,
    }


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


def verdict(values: Mapping[str, Any]) -> list[str]:
    """A sentence for each policy but the benchmark."""
    sentences = []
    benchmark, episodes = values["benchmark"], values["episodes"]
    for name, found in values["against_benchmark"]["reward"].items():
        difference = found["difference"]
        if not found["significant"]:
            sentences.append(
                f"{name} cannot be told from {benchmark} by {episodes} episodes (mean reward "
                f"{difference:+.4g})."
            )
            continue
        word = "more" if difference > 0 else "less"
        sentences.append(
            f"{name} earns {abs(difference):.4g} {word} reward an episode than {benchmark} "
            f"({_interval(found['low'], found['high'])})."
        )
    return sentences


def evaluation_page(
    evaluation: Evaluation, values: Mapping[str, Any], sheets: Mapping[str, str]
) -> Page:
    """The page.

    Args:
        evaluation: what was played.
        values: those of `evaluation_values`.
        sheets: files of tear sheets by policy.
    """
    names = evaluation.table.policies
    lead = (
        f"{len(names)} policies in {values['episodes']} episodes of {values['market']}, all with "
        "the same draws of the market. Money is in account currency, an episode's unless it says "
        "otherwise; intervals hold the mean with "
        f"{100 * values['confidence']:.4g} % confidence."
    )
    if not evaluation.independent:
        lead += (
            " The episodes are overlapping pieces of one recording, in which the baselines were "
            "tuned too: no sample of days, so there are no intervals."
        )
    sections = [
        Section("Verdict", [*verdict(values), _summary(values), _against(values)]),
        Section("Where the money comes from", [_attribution(values), _attribution_bars(values)]),
        Section("Fills", [_markouts(values), _table_of_metrics(values)]),
        Section("Episodes", _episodes(evaluation)),
        Section("Tear sheets", [_sheets(evaluation, sheets)]),
        Section("Baselines", [_rules(values)]),
        Section("How it is computed", [_formulas()]),
    ]
    return Page(
        f"{TITLE}: {values['market']}",
        lead,
        sections,
        note=cautions_note(evaluation.cautions),
        footer=dict(evaluation.origin),
    )


def _summary(values: Mapping[str, Any]) -> Table:
    header = (
        "policy", "mean PnL", "interval", "mean reward", "ES 95 %", "max drawdown",
        "Sharpe (annual)", "days", "traded lots", "largest inventory",
    )  # fmt: skip
    rows = []
    for name, found in values["policies"].items():
        metrics = found["metrics"]
        rows.append(
            (
                name,
                metrics["mean PnL"],
                _interval(found["mean_pnl_low"], found["mean_pnl_high"]),
                metrics["mean reward"],
                metrics["ES 95 %"],
                metrics["max drawdown"],
                found["sharpe"],
                found["days"],
                metrics["traded"],
                metrics["inventory maximum"],
            )
        )
    caption = (
        f"Sharpe ratios are of daily PnL on a capital of {values['capital']:.6g}, episodes strung "
        f"together to {values['calendar']}"
    )
    return Table(caption, header, rows)


def _against(values: Mapping[str, Any]) -> Table:
    rows = []
    for what, by_policy in values["against_benchmark"].items():
        for name, found in by_policy.items():
            interval = _interval(found["low"], found["high"])
            rows.append((name, what, found["difference"], interval, found["p_adjusted"]))
    return Table(
        f"Differences to {values['benchmark']}, episode by episode; p-values by Holm over all "
        "policies",
        ("policy", "of", "mean difference", "interval", "p"),
        rows,
    )


_PARTS = ("PnL of spread", "PnL of inventory", "PnL of fees")


def _attribution(values: Mapping[str, Any]) -> Table:
    rows = [
        (name, *(found["metrics"][part] for part in (*_PARTS, "mean PnL")))
        for name, found in values["policies"].items()
    ]
    return Table("The parts add up to the PnL exactly", ("policy", *_PARTS, "mean PnL"), rows)


def _attribution_bars(values: Mapping[str, Any]) -> Gallery:
    return Gallery(
        [
            Bars(
                name,
                "",
                "account currency an episode",
                _PARTS,
                [found["metrics"][p] for p in _PARTS],
            )
            for name, found in values["policies"].items()
        ]
    )


def _markouts(values: Mapping[str, Any]) -> Table:
    rows = [
        (name, *(found["metrics"][f"markout {horizon}"] for horizon in HORIZONS))
        for name, found in values["policies"].items()
    ]
    caption = "Markouts: what a fill was worth so much later, ticks per lot; negative: picked off"
    return Table(caption, ("policy", *HORIZONS), rows)


def _table_of_metrics(values: Mapping[str, Any]) -> Table:
    names = list(values["policies"])
    rows = [
        (metric.name, metric.unit, *(values["policies"][n]["metrics"][metric.name] for n in names))
        for metric in METRICS
    ]
    return Table("All metrics", ("metric", "unit", *names), rows)


def _formulas() -> Table:
    rows = [(metric.name, metric.unit, metric.formula) for metric in METRICS]
    return Table("Metrics", ("metric", "unit", "formula"), rows)


def _sheets(evaluation: Evaluation, sheets: Mapping[str, str]) -> Links | str:
    if sheets:
        return Links({f"{name} against {evaluation.benchmark}": f for name, f in sheets.items()})
    metadata, calendar = evaluation.table.metadata, CALENDARS[evaluation.calendar]
    if not evaluation.independent:
        return "None: pieces of one recording overlap and make no days."
    if calendar.session_ns % (metadata.steps * metadata.step_ns):
        return f"None: episodes of this length do not fill {calendar.name} evenly."
    needed = -(-SHEET_DAYS * calendar.session_ns // (metadata.steps * metadata.step_ns))
    return (
        f"None: they need {SHEET_DAYS} days, which are {needed} episodes of this length "
        f"({calendar.name}), and another policy than the benchmark."
    )


def _rules(values: Mapping[str, Any]) -> Facts | str:
    rules = {name: found["rule"] for name, found in values["policies"].items() if found["rule"]}
    return Facts(rules) if rules else "None took part."


def _episodes(evaluation: Evaluation) -> Sequence[str | Gallery]:
    """The first episode of each policy that was traced: the same draws of the market."""
    traces = [trace for trace in evaluation.traces if len(trace.columns) > 0]
    if not traces:
        return ["No steps were kept."]
    tick_value, colours = evaluation.table.metadata.tick_value, looks(evaluation.table.policies)
    lines: dict[str, dict[str, tuple[list[float], list[float]]]] = {
        "wealth, account currency": {}, "inventory, lots": {}, "mid, ticks": {}
    }  # fmt: skip
    for trace in traces:
        seconds = _thinned(trace["ts_ns"][0] / 1e9)
        gains = sum(trace[f"pnl_{part}"][0] for part in ("spread", "inventory", "fees"))
        values = (
            np.cumsum(gains) * tick_value, trace["inventory_lots"][0], trace["mid_ticks_x2"][0] / 2
        )  # fmt: skip
        for by_policy, line in zip(lines.values(), values, strict=True):
            by_policy[trace.policy] = (seconds, _thinned(line))
    charts = [
        PolicyLines(label, "seconds", label, by_policy, colours)
        for label, by_policy in lines.items()
    ]
    return ["The first episode, as each of them met it:", Gallery(charts)]


def _thinned(values: NDArray[np.float64]) -> list[float]:
    known = values[~np.isnan(values)]
    step = max(1, -(-len(known) // POINTS_MOST))
    return [float(v) for v in known[::step]]


def _interval(low: float | None, high: float | None) -> str:
    return "unknown" if low is None or high is None else f"{low:.6g} to {high:.6g}"
