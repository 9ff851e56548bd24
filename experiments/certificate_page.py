"""What `rlmm certify` shows of a learning agent: its depths beside the optimal ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.certify import hides_regime
from reports.depths import DepthPicture, certificate_page
from reports.page import Table, render
from rlmm_tf.agents.baselines import DepthRule, ExactOptimum
from rlmm_tf.agents.exact.losses import losses_by_state
from rlmm_tf.agents.exact.model import QuoteTable
from rlmm_tf.agents.exact.optimum import solve_continuous
from rlmm_tf.agents.exact.problem import played_rule

if TYPE_CHECKING:
    from experiments.certify import ProblemForms
    from experiments.certify_learned import LearnedResult

TIMES = (0.0, 0.5, 0.9)  # parts of the episode
LOTS_MOST = 8  # inventories beyond are hardly ever seen


def page_of(result: LearnedResult, problem: ProblemForms, rules: Sequence[DepthRule]) -> str:
    """HTML; the rules in the order of the seeds."""
    model = problem.model
    table = solve_continuous(model)
    best = ExactOptimum(table)
    most = min(LOTS_MOST, model.inventory_cap)
    lots = np.arange(-most, most + 1)
    pictures = []
    for regime in range(model.n_regimes):
        for part in TIMES:
            left_s = np.full(lots.shape, (1.0 - part) * model.horizon_s)
            at = left_s, lots.astype(np.float64), np.full(lots.shape, regime)
            learned = [rule.depths(*at) for rule in rules]
            for side, name in enumerate(("bid", "ask")):
                where = f", regime {regime}" if model.n_regimes > 1 else ""
                pictures.append(
                    DepthPicture(
                        f"{name} at {part:.0%} of the episode{where}",
                        lots.tolist(),
                        [depths[side].tolist() for depths in learned],
                        [d if math.isfinite(d) else None for d in best.depths(*at)[side].tolist()],
                    )
                )
    facts = {
        "percent by": "simulation" if hides_regime(problem.params) else "exact values",
        "optimum": result.optimum,
        "percent, mean": result.percent_mean,
        "percent, worst": result.percent_worst,
        "percent of the best linear rule": result.percent_best_linear,
        "gap closure, percent, mean": result.gap_closure_percent_mean,
    }
    losses = None
    if model.risk_aversion == 0.0 and not hides_regime(problem.params):
        losses = _losses(table, [played_rule(rule, problem.params) for rule in rules])
    percents = result.percent_by_seed
    return render(
        certificate_page(result.set_name, result.agent, percents, facts, pictures, losses)
    )


def _losses(best: QuoteTable, rules: Sequence[DepthRule]) -> Table:
    """By inventory and regime, from zero inventory; in percent of the optimum."""
    model = best.model
    lost = np.mean([losses_by_state(best, rule) for rule in rules], axis=0)
    percent = 100.0 * lost / best.start.at(0)
    most = min(LOTS_MOST, model.inventory_cap)
    middle = slice(model.inventory_cap - most, model.inventory_cap + most + 1)
    rows = [(q, *row) for q, row in enumerate(percent[middle].tolist(), start=-most)]
    rows.append(("beyond", *(percent.sum(axis=0) - percent[middle].sum(axis=0)).tolist()))
    rows.append(("all", *percent.sum(axis=0).tolist()))
    columns = [f"regime {k}" for k in range(model.n_regimes)] if model.n_regimes > 1 else ["lost"]
    caption = "Where the rest is lost, percent of the optimum, mean over seeds"
    shown = [(row[0], *(f"{value:.4f}" for value in row[1:])) for row in rows]
    return Table(caption, ("inventory, lots", *columns), shown)
