"""Closed forms: matrix-exponential optimum, GLFT asymptotic and Avellaneda-Stoikov depths.

References: Cartea, Jaimungal, Penalva, "Algorithmic and High-Frequency Trading" (2015), eq. 10.11;
Gueant, Lehalle, Fernandez-Tapia, "Dealing with the inventory risk" (2013), theorems 1 and 2;
Avellaneda, Stoikov, "High-frequency trading in a limit order book" (2008), eqs. 29-30.
"""

from __future__ import annotations

import math

import numpy as np

from rlmm_tf.agents.exact.model import (
    Floats,
    QuoteTable,
    QuotingModel,
    is_finite,
    require,
    require_count,
)

# 1/40! = 1e-48: the series of a matrix of norm 1 is exact far below rounding.
_SERIES_TERMS = 40


def base_depth(model: QuotingModel) -> float:
    """Depth of a quote that moves no inventory risk: ln(1 + gamma/kappa) / gamma, 1/kappa at 0."""
    gamma, fill_decay = model.risk_aversion, model.fill_decay[0]
    return math.log1p(gamma / fill_decay) / gamma if gamma > 0.0 else 1.0 / fill_decay


def _fill_factor(model: QuotingModel) -> float:
    """(1 + gamma/kappa)^-(1 + kappa/gamma), which is 1/e at gamma = 0."""
    gamma, fill_decay = model.risk_aversion, model.fill_decay[0]
    if gamma == 0.0:
        return math.exp(-1.0)
    return math.exp(-(1.0 + fill_decay / gamma) * math.log1p(gamma / fill_decay))


def _risk(model: QuotingModel) -> float:
    """Cost of holding one squared lot for a second: phi + gamma sigma^2 / 2."""
    return model.running_penalty[0] + 0.5 * model.risk_aversion * model.volatility[0] ** 2


def _require_textbook(model: QuotingModel) -> None:
    """Refuse what the closed forms do not cover."""
    remedy = "use optimum.solve_continuous"
    require(model.n_regimes == 1, "n_regimes", "1 for a closed form", model.n_regimes, remedy)
    law = model.fill_law
    require(law == "exponential", "fill_law", "'exponential' for a closed form", law, remedy)


def _require_unbounded(model: QuotingModel) -> None:
    remedy = "use optimum.solve_continuous"
    cap, depth_min = model.fill_cap, model.depth_min
    require(math.isinf(cap), "fill_cap", "inf for the matrix exponential", cap, remedy)
    require(
        math.isinf(depth_min), "depth_min", "-inf for the matrix exponential", depth_min, remedy
    )


def _rate_matrix(model: QuotingModel) -> Floats:
    """A of the linear system v' = A v (time left): risk on the diagonal, fills beside it.

    A_qq = -kappa (phi + gamma sigma^2 / 2) q^2,  A_q,q+1 = c sell_rate,  A_q,q-1 = c buy_rate,
    c = (1 + gamma/kappa)^-(1 + kappa/gamma).
    """
    inventories = model.inventories_lots.astype(np.float64)
    n_above = np.ones(len(inventories) - 1)
    factor = _fill_factor(model)
    diagonal = -model.fill_decay[0] * _risk(model) * inventories**2
    matrix = np.diag(diagonal)
    matrix += np.diag(factor * model.sell_rate_hz[0] * n_above, 1)
    matrix += np.diag(factor * model.buy_rate_hz[0] * n_above, -1)
    return matrix


def _exponential(matrix: Floats) -> Floats:
    """exp(matrix) for non-negative off-diagonals, accurate in every entry and not only in norm.

    Entries span dozens of orders of magnitude and their logarithms are wanted, so only non-negative
    numbers are ever added: shift the diagonal, sum the series, undo the shift, square.
    """
    shift = float(-matrix.diagonal().min())
    size = len(matrix)
    positive = matrix + shift * np.eye(size)
    n_squarings = max(0, math.ceil(math.log2(max(1.0, float(positive.sum(axis=1).max())))))
    positive /= 2.0**n_squarings
    term = np.eye(size)
    total = np.eye(size)
    for order in range(1, _SERIES_TERMS + 1):
        term = term @ positive / order
        total += term
    total *= math.exp(-shift / 2.0**n_squarings)
    for _ in range(n_squarings):
        total = total @ total
    return total


def _values(model: QuotingModel, time_left_s: float, n_steps: int) -> Floats:
    """h(q) = ln v(q) / kappa at n_steps + 1 uniform times left 0..time_left_s, earliest first."""
    inventories = model.inventories_lots.astype(np.float64)
    fill_decay = model.fill_decay[0]
    step = _exponential(_rate_matrix(model) * (time_left_s / n_steps))
    log_terminal = -fill_decay * model.terminal_penalty * inventories**2
    values = np.empty((n_steps + 1, len(inventories)))
    values[n_steps] = log_terminal / fill_decay
    log_scale = float(log_terminal.max())
    vector = np.exp(log_terminal - log_scale)
    for row in range(n_steps - 1, -1, -1):
        vector = step @ vector
        largest = float(vector.max())
        vector /= largest
        log_scale += math.log(largest)
        smallest = float(vector.min())
        require(
            smallest > 0.0,
            "inventory_cap",
            "values whose exponentials fit a float",
            model.inventory_cap,
            "lower the cap or use optimum.solve_continuous",
        )
        values[row] = (np.log(vector) + log_scale) / fill_decay
    return values


def _depths(model: QuotingModel, values: Floats) -> tuple[Floats, Floats]:
    """Bid = base + h(q) - h(q+1), ask = base + h(q) - h(q-1); +inf where the cap forbids a fill."""
    base = base_depth(model)
    bid = np.full_like(values, np.inf)
    ask = np.full_like(values, np.inf)
    bid[..., :-1] = base + values[..., :-1] - values[..., 1:]
    ask[..., 1:] = base + values[..., 1:] - values[..., :-1]
    return bid, ask


def solve_closed_form(model: QuotingModel, n_steps: int = 1000) -> QuoteTable:
    """Optimum of Cartea-Jaimungal (gamma = 0) and of Gueant-Lehalle-Fernandez-Tapia (gamma > 0).

    Value = x + q S + h(t, q), h = ln(v) / kappa, v(t) = exp(A (T - t)) z and
    z_q = exp(-alpha kappa q^2), with A as in `_rate_matrix`: one formula, since GLFT's utility and
    Cartea-Jaimungal's penalty only enter through phi + gamma sigma^2 / 2 and the fill factor.

    Args:
        model: one regime, exponential fills, no cap on the fill fraction and none on the depth.
        n_steps: intervals of the time grid; every row is exact whatever its number.

    Returns:
        Value and depths at n_steps + 1 times.
    """
    _require_textbook(model)
    _require_unbounded(model)
    require_count("n_steps", n_steps)
    values = _values(model, model.horizon_s, n_steps)
    bid, ask = _depths(model, values)
    return QuoteTable(model, values[..., None], bid[..., None], ask[..., None])


def closed_form_at(model: QuotingModel, time_left_s: float) -> tuple[Floats, Floats, Floats]:
    """Value, bid depth and ask depth for every inventory -Q..Q with `time_left_s` to go."""
    _require_textbook(model)
    _require_unbounded(model)
    valid = is_finite(time_left_s) and time_left_s >= 0.0
    require(valid, "time_left_s", "a finite number >= 0", time_left_s)
    values = _values(model, time_left_s, 1)[0]
    bid, ask = _depths(model, values)
    return values, bid, ask


def asymptotic_coefficients(model: QuotingModel) -> tuple[float, float]:
    """GLFT asymptotic quotes as (half spread at q = 0, skew per lot).

    For q lots, with base = ln(1 + gamma/kappa)/gamma and c = (1 + gamma/kappa)^-(1 + kappa/gamma),

        bid, ask = base + (1 +- 2 q)/2 sqrt((phi + gamma sigma^2 / 2) / (kappa A c)),

    for phi = 0 GLFT's sqrt(sigma^2 gamma / (2 kappa A) (1 + gamma/kappa)^(1 + kappa/gamma)).
    Their derivation holds word for word for a running penalty, so that gamma = 0 is defined too.
    """
    _require_textbook(model)
    sell, buy = model.sell_rate_hz[0], model.buy_rate_hz[0]
    require(sell == buy > 0.0, "buy_rate_hz", f"the sell rate {sell} (both > 0)", buy)
    fill_rate_hz = sell * _fill_factor(model)
    skew = math.sqrt(_risk(model) / (model.fill_decay[0] * fill_rate_hz))
    return base_depth(model) + 0.5 * skew, skew


def avellaneda_stoikov_coefficients(model: QuotingModel) -> tuple[float, float]:
    """Avellaneda-Stoikov quotes as (half spread at the end, gamma sigma^2).

    Reservation price r = S - q gamma sigma^2 tau, tau the time left, and
    spread gamma sigma^2 tau + (2/gamma) ln(1 + gamma/kappa). Measured from the mid, not from r:
    bid, ask = ln(1 + gamma/kappa)/gamma + gamma sigma^2 tau (1 +- 2 q) / 2.
    """
    _require_textbook(model)
    gamma = model.risk_aversion
    require(gamma > 0.0, "risk_aversion", "a number > 0 for Avellaneda-Stoikov", gamma)
    return base_depth(model), gamma * model.volatility[0] ** 2
