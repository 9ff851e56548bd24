"""Exact value of any quoting rule in continuous time, by its linear ODE.

For a rule delta(tau, q, k), tau the time left, with bid and ask fill rates b, a and R the switching
rates, the value V of a risk-neutral market maker solves

    V' = b (delta_b + V(q+1) - V) + a (delta_a + V(q-1) - V) - phi_k q^2 + sum_k' R_kk' (V(k') - V),

V(0) = -alpha q^2, and a risk-averse one has certainty equivalent -ln(w) / gamma with

    w' = b (e^{-gamma delta_b} w(q+1) - w) + a (e^{-gamma delta_a} w(q-1) - w)
         + gamma (phi_k + gamma sigma_k^2 / 2) q^2 w + sum_k' R_kk' (w(k') - w),

w(0) = e^{gamma alpha q^2}. Both are u' = M(tau) u + r(tau) with a banded M that can be extremely
stiff (an uncapped quote far inside the mid fills at any rate), hence three-stage Radau IIA:
order 5, L-stable, one banded solve per step (Hairer & Wanner II, table IV.5.6). The number of
steps doubles until the value moves by less than the tolerance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_banded

from rlmm_tf.agents.baselines import DepthRule
from rlmm_tf.agents.exact.model import (
    Floats,
    PolicyValue,
    QuotingModel,
    is_number,
    require,
    require_count,
)

_ROOT6 = math.sqrt(6.0)
_NODES = np.array([(4.0 - _ROOT6) / 10.0, (4.0 + _ROOT6) / 10.0, 1.0])
_STAGES = np.array(
    [
        [(88 - 7 * _ROOT6) / 360, (296 - 169 * _ROOT6) / 1800, (-2 + 3 * _ROOT6) / 225],
        [(296 + 169 * _ROOT6) / 1800, (88 + 7 * _ROOT6) / 360, (-2 - 3 * _ROOT6) / 225],
        [(16 - _ROOT6) / 36, (16 + _ROOT6) / 36, 1 / 9],
    ]
)
_INVERSE = np.linalg.inv(_STAGES)
_EXPONENT_MAX = 230.0  # keeps rate * weight finite: 1e100 per step is instantaneous


@dataclass(frozen=True)
class Quotes:
    """What a rule does on a grid of times: depths, shape (n_times, 2 Q + 1, K), floor applied."""

    bid_depth: Floats
    ask_depth: Floats


def quotes_of(model: QuotingModel, rule: DepthRule, times_left_s: Floats) -> Quotes:
    """Ask `rule` for its depths in every state at every time, and raise them to `depth_min`."""
    inventories = model.inventories_lots.astype(np.float64)
    shape = (len(times_left_s), len(inventories), model.n_regimes)
    time_left = np.broadcast_to(times_left_s[:, None, None], shape)
    inventory = np.broadcast_to(inventories[:, None], shape)
    regime = np.broadcast_to(np.arange(model.n_regimes), shape)
    sides = rule.depths(time_left.copy(), inventory.copy(), regime.copy())
    for name, depth in zip(("bid depth", "ask depth"), sides, strict=True):
        valid = depth.shape == shape and not bool(np.isnan(depth).any() | (depth == -np.inf).any())
        expected = f"numbers or +inf, shape {shape}"
        require(valid, name, expected, f"shape {depth.shape}, NaN or -inf", f"check {rule!r}")
    bid, ask = (np.maximum(depth, model.depth_min) for depth in sides)
    return Quotes(bid, ask)


def revenue(fill_rate: Floats, depth: Floats) -> Floats:
    """Fill rate times depth, 0 where there is no quote."""
    return np.asarray(fill_rate * np.where(np.isinf(depth), 0.0, depth))


@dataclass(frozen=True)
class _System:
    """M and r of u' = M u + r at a number of times; leading shape (n_times, 2 Q + 1, K).

    M[q, q + 1] = bid_rate e^bid_gain, M[q, q - 1] = ask_rate e^ask_gain, gain = -gamma depth.
    """

    bid_rate: Floats
    ask_rate: Floats
    bid_gain: Floats
    ask_gain: Floats
    diagonal: Floats
    source: Floats


def _system(model: QuotingModel, quotes: Quotes) -> _System:
    """Fill rates (0 at the caps), potential and source of the module's equations."""
    squared = model.inventories_lots.astype(np.float64)[:, None] ** 2
    bid_rate = np.asarray(model.sell_rate_hz) * model.fill_fraction(quotes.bid_depth)
    ask_rate = np.asarray(model.buy_rate_hz) * model.fill_fraction(quotes.ask_depth)
    bid_rate[:, -1] = 0.0
    ask_rate[:, 0] = 0.0
    switching = np.asarray(model.switch_rates_hz).sum(axis=1)
    diagonal = -(bid_rate + ask_rate + switching)
    penalty = np.asarray(model.running_penalty) * squared
    gamma = model.risk_aversion
    bid_gain = -revenue(np.full_like(bid_rate, gamma), quotes.bid_depth)
    ask_gain = -revenue(np.full_like(ask_rate, gamma), quotes.ask_depth)
    source = np.zeros_like(diagonal)
    if gamma > 0.0:
        diagonal += gamma * (penalty + 0.5 * gamma * np.asarray(model.volatility) ** 2 * squared)
    else:
        source += revenue(bid_rate, quotes.bid_depth) + revenue(ask_rate, quotes.ask_depth)
        source -= penalty
    return _System(bid_rate, ask_rate, bid_gain, ask_gain, diagonal, source)


def _put_band(bands: Floats, offset: int, entries: Floats) -> None:
    """Store M[row, row + offset] = entries[row] in LAPACK's diagonal-ordered form."""
    middle = (len(bands) - 1) // 2
    flat = entries.ravel()
    if offset >= 0:
        bands[middle - offset, offset:] += flat[: len(flat) - offset]
    else:
        bands[middle - offset, :offset] += flat[-offset:]


def _bands(system: _System, rates: Floats, rows: slice, log_scale: Floats) -> Floats:
    """Banded (A^-1 x I) - D^-1 M_i D of one step, unknowns ordered (q, k, stage).

    D = diag(exp(log_scale)); system and switching rates are per step, not per second.
    """
    n_regimes = len(rates)
    climb = np.diff(log_scale, axis=0)
    rise, fall = np.zeros_like(log_scale), np.zeros_like(log_scale)
    rise[:-1], fall[1:] = climb, -climb
    up = system.bid_rate[rows] * np.exp(np.minimum(system.bid_gain[rows] + rise, _EXPONENT_MAX))
    down = system.ask_rate[rows] * np.exp(np.minimum(system.ask_gain[rows] + fall, _EXPONENT_MAX))
    up, down, diagonal = (np.moveaxis(part, 0, -1) for part in (up, down, system.diagonal[rows]))
    reach = 3 * n_regimes
    bands = np.zeros((2 * reach + 1, diagonal.size))
    _put_band(bands, reach, -up)
    _put_band(bands, -reach, -down)
    _put_band(bands, 0, -diagonal)
    for row in range(3):
        for column in range(3):
            bands[reach + row - column, column::3] += _INVERSE[row, column]
    for offset in range(1 - n_regimes, n_regimes):
        if offset:
            entries = np.zeros(diagonal.shape)
            for regime in range(max(0, -offset), min(n_regimes, n_regimes - offset)):
                jump = log_scale[:, regime + offset] - log_scale[:, regime]
                switch = rates[regime, regime + offset] * np.exp(np.minimum(jump, _EXPONENT_MAX))
                entries[:, regime] = -switch[:, None]
            _put_band(bands, 3 * offset, entries)
    return bands


def _integrate(model: QuotingModel, rule: DepthRule, n_steps: int) -> Floats:
    """Value at time 0 with a fixed number of Radau steps, shape (2 Q + 1, K).

    A risk-averse w spans hundreds of orders of magnitude between inventories. Each step therefore
    solves for w relative to its value at the step's start and ln w is accumulated: nothing can
    overflow, and large entries leave no rounding error in small ones.
    """
    gamma = model.risk_aversion
    step_s = model.horizon_s / n_steps
    times_left = (step_s * (np.arange(n_steps)[:, None] + _NODES)).ravel()
    per_s = _system(model, quotes_of(model, rule, times_left))
    system = replace(
        per_s,
        bid_rate=per_s.bid_rate * step_s,
        ask_rate=per_s.ask_rate * step_s,
        diagonal=per_s.diagonal * step_s,
        source=per_s.source * step_s,
    )
    rates = np.asarray(model.switch_rates_hz) * step_s
    parts = (system.bid_rate, system.ask_rate, system.bid_gain, system.ask_gain)
    is_constant = gamma == 0.0 and all(np.ptp(part, axis=0).max() == 0.0 for part in parts)
    loss = model.terminal_penalty * model.inventories_lots.astype(np.float64)[:, None] ** 2
    value = np.repeat(-loss, model.n_regimes, axis=1)
    weights = _INVERSE.sum(axis=1)
    reach = 3 * model.n_regimes
    bands = _bands(system, rates, slice(0, 3), -gamma * value)
    for step in range(n_steps):
        rows = slice(3 * step, 3 * step + 3)
        if not is_constant:
            bands = _bands(system, rates, rows, -gamma * value)
        start = np.ones_like(value) if gamma > 0.0 else value
        known = start[..., None] * weights + np.moveaxis(system.source[rows], 0, -1)
        stages = solve_banded((reach, reach), bands, known.ravel(), check_finite=False)
        end = stages.reshape(known.shape)[..., 2]
        if gamma == 0.0:
            value = end
        elif bool((end > 0.0).all()):
            value = value - np.log(end) / gamma
        else:  # too few steps for this stiffness: NaN sends the caller to more
            return np.full_like(value, np.nan)
    return value


def evaluate(
    model: QuotingModel,
    rule: DepthRule,
    *,
    tolerance: float = 1e-8,
    n_steps_min: int = 32,
    n_steps_max: int = 1 << 15,
) -> PolicyValue:
    """Exact value of `rule` in continuous time for every (q0, regime) at time 0.

    Args:
        model: the market; its risk aversion chooses between mean and certainty equivalent.
        rule: depths it asks for are raised to the model's `depth_min`.
        tolerance: accepted change of the value, between n and 2 n steps, relative to
            max(|V(q)|, 1/kappa); the value returned is some 30 times closer for a smooth rule.
        n_steps_min: steps of the first attempt; for a table, a multiple of its intervals.
        n_steps_max: give up beyond it.

    Raises:
        ArithmeticError: the tolerance is not met.
    """
    require(
        is_number(tolerance) and 0 < tolerance < 1, "tolerance", "a number in (0, 1)", tolerance
    )
    require_count("n_steps_min", n_steps_min)
    depth_scale = 1.0 / min(model.fill_decay)
    n_steps = n_steps_min
    coarse = _integrate(model, rule, n_steps)
    change = np.full_like(coarse, np.inf)
    while 2 * n_steps <= n_steps_max:
        n_steps *= 2
        fine = _integrate(model, rule, n_steps)
        change = np.abs(fine - coarse)
        if bool((change <= tolerance * np.maximum(np.abs(fine), depth_scale)).all()):
            return PolicyValue(model, fine, float(change[model.inventory_cap].max()))
        coarse = fine
    raise ArithmeticError(
        f"policy value: expected a change below {tolerance}, got {float(change.max())} at "
        f"{n_steps} steps; raise tolerance or n_steps_max (is the rule smooth in time?)"
    )


def mean_pnl(model: QuotingModel, rule: DepthRule, *, tolerance: float = 1e-8) -> PolicyValue:
    """E[X_T + q_T S_T] of `rule`: no penalties, no risk aversion."""
    return evaluate(model.without_penalties(), rule, tolerance=tolerance)
