"""What `rlmm certify` shows of a learning agent: its depths beside the optimal ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from reports.depths import DepthPicture, certificate_page
from reports.page import render
from rlmm_tf.agents.baselines import DepthRule, ExactOptimum
from rlmm_tf.agents.exact.optimum import solve_continuous

if TYPE_CHECKING:
    from experiments.certify import ProblemForms
    from experiments.certify_learned import LearnedResult

TIMES = (0.0, 0.5, 0.9)  # parts of the episode
LOTS_MOST = 8  # inventories beyond are hardly ever seen


def page_of(result: LearnedResult, problem: ProblemForms, rules: Sequence[DepthRule]) -> str:
    """HTML; the rules in the order of the seeds."""
    model = problem.model
    best = ExactOptimum(solve_continuous(model))
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
        "optimum": result.optimum,
        "percent, mean": result.percent_mean,
        "percent, worst": result.percent_worst,
        "percent of the best linear rule": result.percent_best_linear,
        "gap closure, percent, mean": result.gap_closure_percent_mean,
    }
    return render(
        certificate_page(result.set_name, result.agent, result.percent_by_seed, facts, pictures)
    )
