"""The optimal quotes of any `QuotingModel` in continuous time, with the regime observed.

The certainty equivalent h(tau, q, k), tau the time left, solves the Hamilton-Jacobi-Bellman ODE

    h' = sum over sides of max_delta U_gamma(Lambda_k(delta), delta + h(q +- 1) - h(q))
         - (phi_k + gamma sigma_k^2 / 2) q^2 + sum_k' U_gamma(R_kk', h(k') - h(k)),
    U_gamma(rate, gain) = rate (1 - e^{-gamma gain}) / gamma,   U_0 = rate * gain,

h(0) = -alpha q^2, with the best depth in closed form: for exponential fills
ln(1 + gamma/kappa)/gamma - (h(q +- 1) - h(q)), raised to the floor or to where the fills saturate.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from rlmm_tf.agents.exact.model import (
    Floats,
    QuoteTable,
    QuotingModel,
    is_number,
    require,
    require_count,
)


def best_depths(model: QuotingModel, step_up: Floats) -> Floats:
    """Depth that maximises the gain of a fill worth `step_up` + depth, last axis the regime.

    Exponential: ln(1 + gamma/kappa)/gamma - step_up (1/kappa - step_up if risk-neutral).
    Power p > 1, risk-neutral: (1/kappa - p step_up) / (p - 1).
    Both objectives have one maximum, so the bound is best where it binds.
    """
    fill_decay = np.asarray(model.fill_decay)
    gamma = model.risk_aversion
    if model.fill_law == "power":
        power = model.fill_power or 0.0
        require(power > 1.0, "fill_power", "a number > 1, else no depth is best", power)
        require(gamma == 0.0, "risk_aversion", "0 for the optimum of the power law", gamma)
        free = (1.0 / fill_decay - power * step_up) / (power - 1.0)
    elif gamma > 0.0:
        free = np.log1p(gamma / fill_decay) / gamma - step_up
    else:
        free = 1.0 / fill_decay - step_up
    return np.asarray(np.maximum(free, model.useful_depth_min()))


def _utility(rate: Floats, gain: Floats, gamma: float) -> Floats:
    """Certainty-equivalent gain per second of jumps worth `gain`."""
    return np.asarray(-rate * np.expm1(-gamma * gain) / gamma if gamma > 0.0 else rate * gain)


def _slope(model: QuotingModel, values: Floats) -> Floats:
    """Right-hand side of the ODE in the time left; values have shape (2 Q + 1, K)."""
    gamma = model.risk_aversion
    squared = model.inventories_lots.astype(np.float64)[:, None] ** 2
    variance = np.asarray(model.volatility) ** 2
    out = -(np.asarray(model.running_penalty) + 0.5 * gamma * variance) * squared
    climb = np.diff(values, axis=0)
    bid, ask = best_depths(model, climb), best_depths(model, -climb)
    bid_rate = np.asarray(model.sell_rate_hz) * model.fill_fraction(bid)
    ask_rate = np.asarray(model.buy_rate_hz) * model.fill_fraction(ask)
    out[:-1] += _utility(bid_rate, bid + climb, gamma)
    out[1:] += _utility(ask_rate, ask - climb, gamma)
    if model.n_regimes > 1:
        gain = values[:, None, :] - values[:, :, None]  # (inventory, from, to)
        out += _utility(np.asarray(model.switch_rates_hz), gain, gamma).sum(axis=2)
    return np.asarray(out)


def table_of(model: QuotingModel, values: Floats) -> QuoteTable:
    """Best depths for values on a time grid, shape (rows, 2 Q + 1, K); +inf at the caps."""
    climb = np.diff(values, axis=1)
    bid, ask = np.full_like(values, np.inf), np.full_like(values, np.inf)
    bid[:, :-1] = best_depths(model, climb)
    ask[:, 1:] = best_depths(model, -climb)
    return QuoteTable(model, values, bid, ask)


def solve_continuous(
    model: QuotingModel, n_steps: int = 1000, *, tolerance: float = 1e-10
) -> QuoteTable:
    """Optimum in continuous time, with regimes, depth floor and fill cap.

    Args:
        model: any; the power law needs an exponent above 1 and no risk aversion.
        n_steps: intervals of the returned time grid (the solver chooses its own steps).
        tolerance: relative error per step of the ODE solver (LSODA); the absolute one is the same
            in units of the depth scale 1/kappa.
    """
    require_count("n_steps", n_steps)
    require(
        is_number(tolerance) and 0 < tolerance < 1, "tolerance", "a number in (0, 1)", tolerance
    )
    n_regimes = model.n_regimes
    squared = model.inventories_lots.astype(np.float64)[:, None] ** 2
    terminal = np.repeat(-model.terminal_penalty * squared, n_regimes, axis=1)

    def slope(_: float, flat: Floats) -> Floats:
        return _slope(model, flat.reshape(terminal.shape)).ravel()

    solution = solve_ivp(
        slope,
        (0.0, model.horizon_s),
        terminal.ravel(),
        method="LSODA",
        t_eval=np.linspace(0.0, model.horizon_s, n_steps + 1),
        rtol=tolerance,
        atol=tolerance / min(model.fill_decay),
        lband=n_regimes,
        uband=n_regimes,
    )
    if not solution.success:
        raise ArithmeticError(f"optimum: expected LSODA to converge, got {solution.message}")
    values = solution.y.T[::-1].reshape(n_steps + 1, *terminal.shape)
    return table_of(model, np.ascontiguousarray(values))
