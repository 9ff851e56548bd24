"""The page about trainings: what they were rewarded with, beside what that was worth in money."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from reports.page import Chart, Gallery, Page, PolicyLines, Section, Table, crowded, looks
from reports.page.policy_lines import Band, Points

TITLE = "Training"
LEVEL = 0.95
POINTS_MOST = 200  # of a line
NUMBER_MOST = 1e100  # beyond it squares are no numbers

# By key of a line of metrics.jsonl: what a chart is called, and its unit.
OF_EVALUATIONS = {
    "value": ("Reward: mean of an evaluation episode", "reward an episode"),
    "pnl": ("PnL: mean of an evaluation episode", "PnL an episode, currency of the problem"),
    "inventory_lots": ("Inventory, mean size in evaluations", "lots"),
}
OF_ITERATIONS = {"reward": ("Reward while exploring", "reward a step")}


@dataclass(frozen=True)
class SeedRun:
    """The lines of a training's metrics.jsonl, and the seed that it started from."""

    seed: int
    lines: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Training:
    """Runs that differ in nothing but the seed."""

    name: str
    runs: Sequence[SeedRun]


@dataclass(frozen=True)
class Learned:
    """Means over seeds by steps taken, with the ends of their intervals where there are seeds."""

    steps: NDArray[np.float64]
    means: NDArray[np.float64]
    half: NDArray[np.float64] | None  # of Student's interval
    seeds: tuple[int, ...]  # that the means are of


def learned(training: Training, key: str) -> Learned | None:
    """One number of the lines, at the steps where every seed that has any has one.

    None where there is no such step. Over S seeds: mean ± t · s / √S, by Student with S − 1. A
    seed that comes twice is no other seed: the first one counts.
    """
    rows: dict[int, dict[float, float]] = {}
    per_iteration = _steps_of_an_iteration(training)
    for run in training.runs:
        points = _points(run, key, per_iteration)
        if points and run.seed not in rows:
            rows[run.seed] = points
    common = sorted(set.intersection(*(set(points) for points in rows.values())) if rows else ())
    if not common:
        return None
    values = np.array([[points[step] for step in common] for points in rows.values()])
    steps, seeds = np.array(common), tuple(rows)
    if len(rows) < 2:
        return Learned(steps, values[0], None, seeds)
    error = values.std(axis=0, ddof=1) / math.sqrt(len(rows))
    half = student.isf((1.0 - LEVEL) / 2.0, len(rows) - 1) * error
    return Learned(steps, values.mean(axis=0), half, seeds)


def _steps_of_an_iteration(training: Training) -> float:
    """By the first line that has both; 1 where none says it."""
    lines = (line for run in training.runs for line in run.lines)
    return next((line["steps"] / line["iteration"] for line in lines if line.get("steps")), 1.0)


def _points(run: SeedRun, key: str, per_iteration: float) -> dict[float, float]:
    """Values by steps taken; what is no number is left out."""
    found = {}
    for line in run.lines:
        value = line.get(key)
        if isinstance(value, int | float) and abs(value) < NUMBER_MOST:
            found[float(line.get("steps") or line["iteration"] * per_iteration)] = float(value)
    return found


def _left_out(training: Training, key: str, title: str) -> list[str]:
    """Seeds that a line is not of, in a sentence."""
    found = learned(training, key)
    given = [run.seed for run in training.runs]
    if found is None:
        per_iteration = _steps_of_an_iteration(training)
        if not any(_points(run, key, per_iteration) for run in training.runs):
            return []  # no line of any seed: the chart does not pretend to have it
        named = ", ".join(map(str, given))
        return [f"{title}: no line of {training.name}; its seeds {named} share no step."]
    absent = [str(seed) for seed in given if seed not in found.seeds]
    words = []
    if absent:
        words.append(f"{title}: {training.name} is without seed {', '.join(absent)}, which has no "
                     "number of it.")  # fmt: skip
    twice = sorted({seed for seed in given if given.count(seed) > 1})
    if twice:
        words.append(f"{title}: {training.name} has seed {', '.join(map(str, twice))} more than "
                     "once; the first one counts.")  # fmt: skip
    return words


def training_page(trainings: Sequence[Training], origin: Mapping[str, Any]) -> Page:
    """Curves of all trainings, reward and PnL side by side, and where each ended."""
    seeds = sum(len(training.runs) for training in trainings)
    lead = (
        f"Trainings: {seeds}. Those that differ in nothing but the seed are one line, the mean "
        f"over n seeds, in a band that holds it with {100 * LEVEL:.4g} % confidence; one seed has "
        "no band."
    )
    charts = [
        _chart(trainings, key, title, unit)
        for key, (title, unit) in (OF_EVALUATIONS | OF_ITERATIONS).items()
    ]
    words = [
        sentence
        for key, (title, _) in (OF_EVALUATIONS | OF_ITERATIONS).items()
        for training in trainings
        for sentence in _left_out(training, key, title.partition(":")[0])
    ]
    sections = [
        Section("Curves", [*crowded([one.name for one in trainings]), *words, Gallery(charts)]),
        Section("Where they ended", [_last(trainings)]),
    ]
    return Page(TITLE, lead, sections, footer=dict(origin))


def _chart(trainings: Sequence[Training], key: str, title: str, unit: str) -> Chart:
    lines: dict[str, Points] = {}
    bands: dict[str, Band] = {}
    by_name, by_label = looks([training.name for training in trainings]), {}
    for training in trainings:
        found = learned(training, key)
        if found is None:
            continue
        shown = np.unique(np.linspace(0, len(found.steps) - 1, POINTS_MOST).astype(np.int64))
        steps = (found.steps[shown] / 1e6).tolist()
        means = found.means[shown]
        label = f"{training.name} (n = {len(found.seeds)})"
        by_label[label] = by_name[training.name]
        lines[label] = steps, means.tolist()
        if found.half is not None:
            half = found.half[shown]
            bands[label] = steps, (means - half).tolist(), (means + half).tolist()
    return PolicyLines(title, "million steps", unit, lines, by_label, bands)


def _last(trainings: Sequence[Training]) -> Table:
    rows: list[tuple[Any, ...]] = []
    for training in trainings:
        for run in training.runs:
            kept = [line for line in run.lines if line.get("kept")]
            best = kept[-1] if kept else {}
            done = run.lines[-1].get("iteration") if run.lines else None
            rows.append(
                (training.name, str(run.seed), done, best.get("steps"),
                 best.get("value"), best.get("standard_error"), best.get("pnl"))
            )  # fmt: skip
    header = ("training", "seed", "iterations", "kept after steps", "reward an episode",
              "its standard error", "PnL an episode")  # fmt: skip
    return Table("The policy that each kept, by its own evaluations", header, rows)
