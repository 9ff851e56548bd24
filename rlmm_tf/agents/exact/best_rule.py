"""The best member of a family of simple rules, by search over the exact ODE value.

These are the honest baselines of a market: what a constant or a linear rule earns there when it is
tuned as well as it can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from rlmm_tf.agents.baselines import DepthRule, FixedSpread, InventorySkew, RegimeLinear
from rlmm_tf.agents.exact.evaluation import evaluate
from rlmm_tf.agents.exact.model import Floats, PolicyValue, QuotingModel

Rule = TypeVar("Rule", bound=DepthRule)
Evaluator = Callable[[QuotingModel, DepthRule], PolicyValue]
_VALUE_TOLERANCE = 1e-7
_GRID_POINTS = 24
_DEPTHS_RANGE = 12.0  # a fill fraction of e^-12: nothing is left to earn beyond it


@dataclass(frozen=True)
class BestRule(Generic[Rule]):
    """A tuned rule and its value from zero inventory under the initial regime law."""

    rule: Rule
    value: float


def exact_value(model: QuotingModel, rule: DepthRule) -> PolicyValue:
    """Continuous-time value, accurate enough for a search."""
    return evaluate(model, rule, tolerance=_VALUE_TOLERANCE, n_steps_min=12)


def best_constant(model: QuotingModel, evaluator: Evaluator = exact_value) -> BestRule[FixedSpread]:
    """Best bid = ask = d; a grid first, because the value need not have a single peak."""

    def loss(depth: float) -> float:
        return -evaluator(model, FixedSpread(float(depth))).at()

    lowest = max(model.depth_min, 0.0)
    grid = np.linspace(lowest, lowest + _DEPTHS_RANGE / min(model.fill_decay), _GRID_POINTS)
    best = int(np.argmin([loss(depth) for depth in grid]))
    bounds = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, _GRID_POINTS - 1)]))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return BestRule(FixedSpread(float(found.x)), -float(found.fun))


def _guess(model: QuotingModel) -> tuple[Floats, Floats]:
    """The asymptotic rule of each regime taken alone: (half spreads, skews per lot)."""
    fill_decay = np.asarray(model.fill_decay)
    risk = np.asarray(model.running_penalty)
    risk = risk + 0.5 * model.risk_aversion * np.asarray(model.volatility) ** 2
    arrivals = 0.5 * (np.asarray(model.sell_rate_hz) + np.asarray(model.buy_rate_hz))
    skew = np.sqrt(risk * math.e / (fill_decay * np.maximum(arrivals, 1e-12)))
    return 1.0 / fill_decay + 0.5 * skew, skew


def _search(loss: Callable[[Floats], float], start: Floats) -> Floats:
    """Nelder-Mead: few parameters, and kinks where a floor on the depth binds."""
    scale = np.maximum(np.abs(start), 1e-3)
    simplex = np.vstack([start, start + 0.2 * np.diag(scale)])
    found = minimize(
        loss,
        start,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 1e-5, "fatol": 1e-7, "maxfev": 2000},
    )
    if not found.success:
        raise ArithmeticError(f"best rule: expected Nelder-Mead to converge, got {found.message}")
    return np.asarray(found.x, dtype=np.float64)


def best_linear(model: QuotingModel, evaluator: Evaluator = exact_value) -> BestRule[InventorySkew]:
    """Best bid, ask = d +- s q, blind to the regime."""

    def rule(parameters: Floats) -> InventorySkew:
        return InventorySkew(float(parameters[0]), float(parameters[1]))

    def loss(parameters: Floats) -> float:
        return -evaluator(model, rule(parameters)).at()

    start = np.array([float(part.mean()) for part in _guess(model)])
    found = rule(_search(loss, start))
    return BestRule(found, evaluator(model, found).at())


def best_regime_linear(
    model: QuotingModel, evaluator: Evaluator = exact_value
) -> BestRule[RegimeLinear]:
    """Best bid, ask = d_k +- s_k q with the regime k observed."""
    n_regimes = model.n_regimes

    def rule(parameters: Floats) -> RegimeLinear:
        numbers = tuple(float(number) for number in parameters)
        return RegimeLinear(numbers[:n_regimes], numbers[n_regimes:])

    def loss(parameters: Floats) -> float:
        return -evaluator(model, rule(parameters)).at()

    found = rule(_search(loss, np.concatenate(_guess(model))))
    return BestRule(found, evaluator(model, found).at())
