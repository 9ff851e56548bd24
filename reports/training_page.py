"""The page about trainings: what they were rewarded with, beside what that was worth in money."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from reports.page import Chart, Gallery, Page, PolicyLines, Section, Table, looks
from reports.page.policy_lines import Band, Points

TITLE = "Training"
LEVEL = 0.95
POINTS_MOST = 200  # of a line

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

    @property
    def label(self) -> str:
        """With the number of seeds, as a legend has it."""
        return f"{self.name} (n = {len(self.runs)})"


@dataclass(frozen=True)
class Learned:
    """Means over seeds by steps taken, with the ends of their intervals where there are seeds."""

    steps: NDArray[np.float64]
    means: NDArray[np.float64]
    half: NDArray[np.float64] | None  # of Student's interval


def learned(training: Training, key: str) -> Learned | None:
    """One number of the lines, over the steps that all seeds have come to.

    None where no line has it. Over S seeds: mean ± t · s / √S, by Student with S − 1.
    """
    rows = []
    for run in training.runs:
        points = _points(run, key)
        if points:
            rows.append(points)
    if not rows:
        return None
    common = min(map(len, rows))
    values = np.array([[value for _, value in row[:common]] for row in rows])
    steps = np.array([step for step, _ in rows[0][:common]])
    if len(rows) < 2:
        return Learned(steps, values[0], None)
    error = values.std(axis=0, ddof=1) / math.sqrt(len(rows))
    return Learned(
        steps, values.mean(axis=0), student.isf((1.0 - LEVEL) / 2.0, len(rows) - 1) * error
    )


def _points(run: SeedRun, key: str) -> list[tuple[float, float]]:
    """Steps taken and value; what is no number is left out."""
    per_iteration = next(
        (line["steps"] / line["iteration"] for line in run.lines if line.get("steps")), None
    )
    found = []
    for line in run.lines:
        value = line.get(key)
        if isinstance(value, int | float) and math.isfinite(value):
            at = line.get("steps", line["iteration"] * (per_iteration or 1.0))
            found.append((float(at), float(value)))
    return found


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
    sections = [
        Section("Curves", [Gallery(charts)]),
        Section("Where they ended", [_last(trainings)]),
    ]
    return Page(TITLE, lead, sections, footer=dict(origin))


def _chart(trainings: Sequence[Training], key: str, title: str, unit: str) -> Chart:
    lines: dict[str, Points] = {}
    bands: dict[str, Band] = {}
    for training in trainings:
        found = learned(training, key)
        if found is None:
            continue
        shown = np.unique(np.linspace(0, len(found.steps) - 1, POINTS_MOST).astype(np.int64))
        steps = (found.steps[shown] / 1e6).tolist()
        means = found.means[shown]
        lines[training.label] = steps, means.tolist()
        if found.half is not None:
            half = found.half[shown]
            bands[training.label] = steps, (means - half).tolist(), (means + half).tolist()
    colours = looks([training.label for training in trainings])
    return PolicyLines(title, "million steps", unit, lines, colours, bands)


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
