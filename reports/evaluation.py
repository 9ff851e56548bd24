"""The page of an evaluation: what each policy earned, at what risk, against what, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.evaluation_values import Evaluation, why_no_days
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
from reports.statistics.daily import CALENDARS, DAYS_LEAST
from reports.statistics.market_making import METRICS
from reports.thinning import thinned
from rlmm_tf.evaluation.episodes import HORIZONS

TITLE = "Evaluation"


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
        Section("Verdict", [*verdict(values), _summary(values), _against(values), *_seeds(values)]),
        Section("Where the money comes from", [_attribution(values), _attribution_bars(values)]),
        Section("Fills", [_markouts(values), _table_of_metrics(values)]),
        Section("Risk by day", [_by_day_table(evaluation, values)]),
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
        "policy", "mean PnL", "interval", "mean reward", "ES 95 % (episode)", "max drawdown",
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
        "policies, for PnL and for reward apart",
        ("policy", "of", "mean difference", "interval", "p"),
        rows,
    )


def _seeds(values: Mapping[str, Any]) -> list[Table]:
    """Policies with several seeds."""
    rows = [
        (
            label,
            len(found["runs"]),
            what,
            found[what]["iqm"],
            _interval(found[what]["low"], found[what]["high"]),
            found[what].get("difference_iqm"),
            _interval(found[what].get("difference_low"), found[what].get("difference_high")),
        )
        for label, found in values["seeds"].items()
        for what in ("pnl", "reward")
    ]
    if not rows:
        return []
    caption = (
        "Interquartile means over seeds: the middle half of all their episodes; intervals are of "
        "what another seed would do"
    )
    benchmark = values["benchmark"]
    header = ("policy", "seeds", "of", "IQM", "interval", f"IQM against {benchmark}", "interval")
    return [Table(caption, header, rows)]


_PARTS = ("PnL of spread", "PnL of inventory", "PnL of fees")


def _attribution(values: Mapping[str, Any]) -> Table:
    rows = [
        (name, *(found["metrics"][part] for part in (*_PARTS, "mean PnL")))
        for name, found in values["policies"].items()
    ]
    return Table("The parts add up to the PnL exactly", ("policy", *_PARTS, "mean PnL"), rows)


def _attribution_bars(values: Mapping[str, Any]) -> Gallery:
    colours = looks(list(values["policies"]))
    return Gallery(
        [
            Bars(
                name,
                "",
                "account currency an episode",
                _PARTS,
                [found["metrics"][p] for p in _PARTS],
                [colours[name].colour] * len(_PARTS),
            )
            for name, found in values["policies"].items()
        ]
    )


_DAILY = (
    ("VaR 95 %", "var_95"), ("ES 95 %", "es_95"), ("VaR 99 %", "var_99"), ("ES 99 %", "es_99"),
    ("max drawdown", "max_drawdown"), ("Sharpe", "sharpe"), ("Sortino", "sortino"),
    ("Calmar", "calmar"), ("annual return", "annual_return"), ("volatility", "volatility"),
)  # fmt: skip


def _by_day_table(evaluation: Evaluation, values: Mapping[str, Any]) -> Table | str:
    """Of policies that have days enough."""
    rows = [
        (name, found["days"], *(found["by_day"][key] for _, key in _DAILY))
        for name, found in values["policies"].items()
        if found["by_day"] is not None
    ]
    if not rows:
        reason = why_no_days(evaluation)
        return f"None: {reason or f'it takes at least {DAYS_LEAST} days'}."
    caption = (
        f"Shares of a capital of {values['capital']:.6g}; ratios, return and volatility are annual "
        f"({values['calendar']})"
    )
    return Table(caption, ("policy", "days", *(label for label, _ in _DAILY)), rows)


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
    reason = why_no_days(evaluation)
    episode_ns = metadata.steps * metadata.step_ns
    if reason and len(evaluation.table.blocks[0]) * episode_ns >= calendar.session_ns:
        return f"None: {reason}."
    needed = -(-DAYS_LEAST * calendar.session_ns // episode_ns)
    return (
        f"None: they need {DAYS_LEAST} days, which are {needed} episodes of this length "
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
        gains = sum(trace[f"pnl_{part}"][0] for part in ("spread", "inventory", "fees"))
        values = (
            np.cumsum(gains) * tick_value, trace["inventory_lots"][0], trace["mid_ticks_x2"][0] / 2
        )  # fmt: skip
        for by_policy, line in zip(lines.values(), values, strict=True):
            by_policy[trace.policy] = thinned(trace["ts_ns"][0] / 1e9, line)
    charts = [
        PolicyLines(label, "seconds", label, by_policy, colours)
        for label, by_policy in lines.items()
    ]
    return ["The first episode, as each of them met it:", Gallery(charts)]


def _interval(low: float | None, high: float | None) -> str:
    return "unknown" if low is None or high is None else f"{low:.6g} to {high:.6g}"
