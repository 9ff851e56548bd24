"""The page that joins what runs have found: what came of the agent, and where the rest is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reports.evaluation_values import Evaluation
from reports.page import Facts, Links, Page, Section, Table, cautions_note
from reports.statistics import performance
from reports.statistics.intervals import (
    Bootstrap,
    adjusted_p_values,
    mean_estimates,
    paired_differences,
)
from reports.statistics.market_making import METRICS, pnl

TITLE = "Report"
NO_EVALUATION = (
    "Nothing can be said about money: none of these runs is an evaluation; add one of "
    "`rlmm evaluate`."
)


MEASURES = (
    "annual_return", "volatility", "sharpe", "sortino", "calmar", "cagr", "max_drawdown",
    "value_at_risk", "expected_shortfall", "omega", "hit_rate",
)  # fmt: skip


@dataclass(frozen=True)
class Duel:
    """The agent minus a baseline, episode by episode."""

    baseline: str
    of: str  # pnl or reward
    difference: float
    low: float | None
    high: float | None
    p_adjusted: float | None
    significant: bool


@dataclass(frozen=True)
class Result:
    """An evaluation, and the policy that it is about."""

    name: str  # of the run
    evaluation: Evaluation
    values: Mapping[str, Any]  # those of its evaluation.json
    agent: str
    trained: bool  # False: nobody was, and the agent is the best of the baselines
    duels: Sequence[Duel]


@dataclass(frozen=True)
class RunFacts:
    """What the appendix says about a run."""

    name: str
    kind: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Report:
    """All that the page says."""

    results: Sequence[Result]
    stresses: Mapping[str, Mapping[str, Any]]  # values of stress.json by run
    certificates: Mapping[str, Mapping[str, Any]]  # values of result.json by run
    pages: Mapping[str, Mapping[str, str]]  # files by what they are called, by part of the report
    missing: Sequence[str]  # parts that are not there, a sentence each
    notes: Sequence[str]  # what is odd about the runs
    runs: Sequence[RunFacts] = field(default_factory=tuple)


def result_of(
    name: str, evaluation: Evaluation, values: Mapping[str, Any], baselines: Sequence[str]
) -> Result:
    """The agent of an evaluation against everybody else in it.

    The agent is the first policy that is no baseline; without one, the best by mean PnL.
    """
    table = evaluation.table
    trained = [policy for policy in table.policies if policy not in baselines]
    outcomes = {policy: pnl(table.of(policy), table.metadata) for policy in table.policies}
    best = max(outcomes, key=lambda policy: float(outcomes[policy].mean()))
    agent = trained[0] if trained else best
    rewards = {policy: table.of(policy)["reward"] for policy in table.policies}
    bootstrap = evaluation.bootstrap
    if not evaluation.independent:
        bootstrap = Bootstrap(
            bootstrap.seed, bootstrap.resamples, len(table.blocks[0]), bootstrap.level
        )
    others = [policy for policy in table.policies if policy != agent]
    pairs = [(of, numbers, other) for of, numbers in (("PnL", outcomes), ("reward", rewards))
             for other in others]  # fmt: skip
    rows = [paired_differences(numbers[agent], numbers[other]) for _, numbers, other in pairs]
    estimates = mean_estimates(np.stack(rows), bootstrap) if rows else []
    p_values = adjusted_p_values(estimates, bootstrap) if rows else []
    duels = [
        Duel(
            other, of, one.mean, one.low, one.high, p, p is not None and p <= 1.0 - bootstrap.level
        )
        for (of, _, other), one, p in zip(pairs, estimates, p_values, strict=True)
    ]
    return Result(name, evaluation, values, agent, bool(trained), duels)


def verdict(report: Report) -> str:
    """One sentence: did the agent make money, at what risk, against whom, and what breaks it."""
    if not report.results:
        return NO_EVALUATION
    result = report.results[0]
    found = result.values["policies"][result.agent]
    mean = found["metrics"]["mean PnL"]
    parts = [
        f"{result.agent} {'earns' if mean >= 0.0 else 'loses'} {abs(mean):.4g} an episode"
        f"{_between(found['mean_pnl_low'], found['mean_pnl_high'])} in "
        f"{result.values['episodes']} episodes of {result.values['market']}"
    ]
    duels = [duel for duel in result.duels if duel.of == "PnL"]
    if duels:
        more = sum(duel.significant and duel.difference > 0.0 for duel in duels)
        less = sum(duel.significant and duel.difference < 0.0 for duel in duels)
        parts.append(_ranked(more, less, len(duels)))
    shortfall = found["metrics"].get("ES 95 %")
    if shortfall is not None:
        word = "losing" if shortfall >= 0.0 else "earning"
        parts.append(f"its worst 5 % of episodes {word} {abs(shortfall):.4g} on average")
    parts += _stressed(report, result)
    return f"{', '.join(parts)}."


def _ranked(more: int, less: int, count: int) -> str:
    others = "the other policy" if count == 1 else f"all {count} other policies"
    if count in (more, less):
        return f"significantly {'more' if more else 'less'} than {others}"
    if more + less == 0:
        return f"which cannot be told from {others}"
    return (
        f"significantly more than {more} and less than {less} of {count} other policies "
        f"({count - more - less} cannot be told apart)"
    )


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.4g} to {high:.4g})"


def _stressed(report: Report, result: Result) -> list[str]:
    """What costs the agent most, of the first stress test of the same problem it takes part in."""
    for values in report.stresses.values():
        rows = [
            row
            for row in values["rows"]
            if row["policy"] == result.agent and row["change"] is not None
        ]
        if not rows or values["problem_sha256"] != result.values["problem_sha256"]:
            continue
        worst = min(rows, key=lambda row: float(row["change"]))
        name, p = f"{worst['scenario']} {worst['severity']}", worst["p_adjusted"]
        if worst["change"] >= 0.0:
            return ["and no stress costs it anything"]
        cost = f"{abs(worst['change']):.4g} an episode, the most of any stress"
        if p is None or p > 1.0 - result.values["confidence"]:
            return [f"and {name} costs it {cost}, which cannot be told from none"]
        return [f"and {name} costs it {cost}"]
    return []


def report_page(report: Report) -> Page:
    """The page."""
    sections = [Section("Verdict", [verdict(report), *_notes(report)])]
    for result in report.results:
        of = f": {result.name}" if len(report.results) > 1 else ""
        sections.append(Section(f"The agent against everybody{of}", _against(result)))
    if report.stresses:
        sections.append(Section("Under stress", [_stress_table(report)]))
    if report.certificates:
        sections.append(Section("Against the exact optimum", [_certificates(report)]))
    for part, files in report.pages.items():
        sections.append(Section(part, [Links(files)]))
    if report.missing:
        sections.append(Section("What is not here", list(report.missing)))
    sections.append(Section("Appendix: runs", _appendix(report)))
    sections.append(Section("Appendix: glossary", [glossary()]))
    market = report.results[0].values["market"] if report.results else _market(report)
    lead = f"{len(report.runs)} runs joined. Money is in account currency. All files are here."
    cautions = [line for result in report.results for line in result.evaluation.cautions]
    note = cautions_note(tuple(dict.fromkeys(cautions)))
    return Page(f"{TITLE}: {market}" if market else TITLE, lead, sections, note=note)


def _market(report: Report) -> str:
    return next((str(v["market"]) for v in report.stresses.values()), "")


def _notes(report: Report) -> list[str]:
    return [f"Note: {note}" for note in report.notes]


def _against(result: Result) -> list[Table | str]:
    level = 100.0 * result.values["confidence"]
    who = result.agent
    words = []
    if not result.trained:
        words.append(f"No trained agent took part; {who} is the policy with the largest mean PnL.")
    if not result.evaluation.independent:
        words.append("The episodes overlap in one recording: there are no intervals.")
    rows = []
    for duel in result.duels:
        if duel.p_adjusted is None:
            said = "unknown"
        elif not duel.significant:
            said = "cannot be told apart"
        else:
            said = "more" if duel.difference > 0.0 else "less"
        interval = (
            "unknown"
            if duel.low is None or duel.high is None
            else f"{duel.low:.6g} to {duel.high:.6g}"
        )
        rows.append((duel.baseline, duel.of, duel.difference, interval, duel.p_adjusted, said))
    duels = Table(
        f"{who} minus each other policy, an episode: {level:.4g} % intervals, p by Holm over all "
        "rows",
        ("against", "of", "mean difference", "interval", "p", f"{who} earns"),
        rows,
    )
    names = ("mean PnL", "mean reward", "ES 95 %", "max drawdown", "fill ratio")
    everybody = Table(
        "Everybody",
        ("policy", *names, "Sharpe (annual)", "largest inventory"),
        [
            (
                policy,
                *(found["metrics"].get(name) for name in names),
                found["sharpe"],
                found["metrics"].get("inventory maximum"),
            )
            for policy, found in result.values["policies"].items()
        ],
    )
    tables = [everybody, *_seeds(result), *([duels] if rows else [])]
    return [*words, *tables]


def _seeds(result: Result) -> list[Table]:
    """Runs that differ in nothing but their seed, as one policy."""
    rows = [
        (label, of, len(found["runs"]), found[of]["iqm"], found[of]["low"], found[of]["high"])
        for label, found in result.values.get("seeds", {}).items()
        for of in ("pnl", "reward")
    ]
    caption = "Interquartile means over all episodes of all seeds; seeds are what varies"
    header = ("policy", "of", "seeds", "interquartile mean", "from", "to")
    return [Table(caption, header, rows)] if rows else []


def _stress_table(report: Report) -> Table:
    rows = []
    for name, values in report.stresses.items():
        for policy in values["policies"]:
            of_policy = [r for r in values["rows"] if r["policy"] == policy]
            stressed = [row for row in of_policy if row["change"] is not None]
            worst = min(stressed, key=lambda row: float(row["change"]))
            rows.append(
                (
                    name,
                    policy,
                    f"{worst['scenario']} {worst['severity']}",
                    worst["change"],
                    worst["p_adjusted"],
                    max(row["max_drawdown"] for row in of_policy),
                    max(row["cap_reached_share"] for row in of_policy),
                )
            )
    header = ("run", "policy", "worst scenario", "change of mean PnL", "p", "largest drawdown",
              "most at the inventory cap")  # fmt: skip
    return Table("What costs each policy most, and the worst of all settings", header, rows)


def _certificates(report: Report) -> Table:
    rows = []
    for name, values in report.certificates.items():
        percent = values.get("percent_of_optimum", values.get("percent_mean"))
        rows.append((name, values.get("set_name"), values.get("agent"), percent,
                     values.get("optimum")))  # fmt: skip
    header = ("run", "problem", "agent", "percent of the optimum", "optimum")
    return Table("Problems whose optimum is known", header, rows)


def _appendix(report: Report) -> list[str | Facts | Table]:
    parts: list[str | Facts | Table] = []
    for run in report.runs:
        parts += [f"{run.name}, a run of rlmm {run.kind}:", Facts(run.facts)]
    return parts


def glossary() -> Table:
    """Each metric and measure by its one definition, and the words that tables use."""
    rows: list[tuple[str, str, str]] = [
        ("episode", "", "a start, then decisions until the horizon or the loss limit"),
        ("interval", "", "where the mean lies with the confidence stated, by a studentised "
         "bootstrap of episodes; of a difference: of the episodes' paired differences; over seeds: "
         "of what another seed would do"),
        ("p", "", "chance of so large a difference if there was none, by Holm over all rows of the "
         "agent's table, money and reward together; over a whole stress test; on an evaluation's "
         "own page, over all policies, for money and for reward apart"),
        ("benchmark", "", "the policy that an evaluation compares the others with"),
        ("severity", "", "1 to 3: how badly a scenario hits"),
    ]  # fmt: skip
    rows += [(metric.name, metric.unit, metric.formula) for metric in METRICS]
    for name in MEASURES:
        text = " ".join((getattr(performance, name).__doc__ or "").split())
        rows.append((f"{name.replace('_', ' ')} (by day)", "", text))
    return Table("Terms", ("term", "unit", "meaning"), rows)
