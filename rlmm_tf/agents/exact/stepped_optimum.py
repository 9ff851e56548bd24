"""The optimal quotes of the stepped simulators, by dynamic programming with their exact operators.

What an agent trained in a stepped simulator can at best earn there: a little less than in
continuous time where quotes are held through the step, a little more where each side fills at most
once per step (an inventory then never runs away within a step).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from rlmm_tf.agents.exact.evaluation import revenue
from rlmm_tf.agents.exact.model import Floats, QuoteTable, QuotingModel, require, require_count
from rlmm_tf.agents.exact.optimum import best_depths
from rlmm_tf.agents.exact.stepped import BernoulliStep, HeldQuoteChain, terminal_state

_DEPTH_TOLERANCE = 1e-7  # times 1/kappa; the value's error is its square
_VALUE_TOLERANCE = 1e-14  # what the last correction of a depth may add to a value, times kappa
_ROUNDS_MAX = 200
_ROUNDS_FAST = 25
_HASTE_MOST = 10.0
_GROWTH_MOST = 1.1  # of a correction from round to round, while an optimum is being left
_LEAVING_MOST = 0.05  # how far a hastened step goes from where an optimum was, times 1/kappa
_FEW_FILLS = 1e-4  # below it the exact expression loses digits and its series is as good


def _require_solvable(model: QuotingModel, n_steps: int) -> None:
    gamma, law = model.risk_aversion, model.fill_law
    require_count("n_steps", n_steps)
    require(gamma == 0.0, "risk_aversion", "0 for a stepped optimum", gamma)
    require(law == "exponential", "fill_law", "'exponential' for a stepped optimum", law)


def _first_guess(model: QuotingModel, value: Floats) -> tuple[Floats, Floats]:
    """The continuous-time rule applied to `value`, extended flat to the blocked side."""
    climb = np.diff(value, axis=0)
    bid = best_depths(model, np.concatenate([climb, climb[-1:]]))
    ask = best_depths(model, np.concatenate([-climb[:1], -climb]))
    return bid, ask


def _rate_slope(model: QuotingModel, depth: Floats, rate: Floats) -> Floats:
    """d(fill rate)/d(depth), shape (K, 1, S): -kappa rate, 0 where the fills are saturated."""
    fill_decay = np.asarray(model.fill_decay)[:, None, None]
    saturated = depth < -np.log(model.fill_cap) / fill_decay
    return np.where(saturated, 0.0, -fill_decay * rate)


def _value_and_slopes(chain: HeldQuoteChain, value: Floats, step_s: float) -> tuple[Floats, Floats]:
    """Value of every starting state, and its derivatives in its own bid and ask depth (stacked).

    With u' = G u + r, the derivative u_b = du/d(delta_b) solves u_b' = G u_b + (dG) u + dr: the
    same Taylor recursion with the derivative of the fill rate as an extra source.
    """
    model = chain.model
    bid_slope = _rate_slope(model, chain.bid_depth, chain.bid_rate)
    ask_slope = _rate_slope(model, chain.ask_depth, chain.ask_rate)
    n_substeps, n_terms = chain.substeps(step_s)
    sub_s = step_s / n_substeps
    u = chain.spread(value)
    u_bid, u_ask = np.zeros_like(u), np.zeros_like(u)
    for _ in range(n_substeps):
        term, term_bid, term_ask = u, u_bid, u_ask
        u, u_bid, u_ask = u.copy(), u_bid.copy(), u_ask.copy()
        for order in range(1, n_terms + 1):
            climb = term[:, 1:] - term[:, :-1]
            term_bid, term_ask = chain.generate(term_bid), chain.generate(term_ask)
            term_bid[:, :-1] += bid_slope * climb
            term_ask[:, 1:] -= ask_slope * climb
            term = chain.generate(term)
            if order == 1:
                term += chain.source()
                term_bid[:, :-1] += revenue(bid_slope, chain.bid_depth) + chain.bid_rate
                term_ask[:, 1:] += revenue(ask_slope, chain.ask_depth) + chain.ask_rate
            term *= sub_s / order
            term_bid *= sub_s / order
            term_ask *= sub_s / order
            u += term
            u_bid += term_bid
            u_ask += term_ask
    return chain.collect(u), np.stack([chain.collect(u_bid), chain.collect(u_ask)])


def _open_time(blocked_row: int, other_rate: Floats, step_s: float) -> Floats:
    """Expected seconds of the step in which the cap does not block a side, shape (2 Q + 1, K).

    The whole step, except where it starts at the cap: then the time after the first fill on the
    other side, dt - (1 - e^{-a dt}) / a, about a dt^2 / 2.
    """
    seconds = np.full_like(other_rate, step_s)
    rate = other_rate[blocked_row]
    expected_fills = rate * step_s
    exact = step_s + np.expm1(-expected_fills) / np.maximum(rate, 1e-300)
    series = 0.5 * expected_fills * step_s
    seconds[blocked_row] = np.where(expected_fills > _FEW_FILLS, exact, series)
    return np.maximum(seconds, 1e-300)


def _regime_seconds(model: QuotingModel, step_s: float) -> Floats:
    """Expected seconds of the step in each regime: integral of exp(G s), shape (from, regime)."""
    n_regimes = model.n_regimes
    block = np.zeros((2 * n_regimes, 2 * n_regimes))
    block[:n_regimes, :n_regimes] = model.regime_generator() * step_s
    block[:n_regimes, n_regimes:] = np.eye(n_regimes) * step_s
    return np.asarray(expm(block)[:n_regimes, n_regimes:])


def _curvatures(chain: HeldQuoteChain, seconds: Floats, step_s: float) -> Floats:
    """Mean of kappa * fill rate over the open part of the step, per side: (2, 2 Q + 1, K).

    Every regime the step may visit counts: far from the mid the fills come from the one with the
    smallest kappa, even if it is only reached by a switch.
    """
    model = chain.model
    shape = (-1, model.n_regimes)  # starting states: inventory, regime
    fill_decay = np.asarray(model.fill_decay)
    bid, ask = (
        rate[:, 0].T.reshape(*shape, model.n_regimes) for rate in (chain.bid_rate, chain.ask_rate)
    )
    bid_mean, ask_mean = (np.einsum("qkj,kj->qk", rate, seconds) / step_s for rate in (bid, ask))
    bid, ask = (np.einsum("qkj,kj->qk", rate * fill_decay, seconds) for rate in (bid, ask))
    bid *= _open_time(-1, ask_mean, step_s) / step_s
    ask *= _open_time(0, bid_mean, step_s) / step_s
    return np.maximum(np.stack([bid, ask]), 1e-300)


def _improve(
    model: QuotingModel, value: Floats, bid: Floats, ask: Floats, step_s: float
) -> tuple[Floats, Floats, Floats]:
    """Optimal value one step earlier and the depths that reach it, all of shape (2 Q + 1, K).

    The derivative in a depth is the integral over the step of b (1 - kappa (delta + climb)), so
    that delta + derivative / integral of kappa b is the best depth against the mean climb; the
    climb depends on the depth only through second fills, so two or three rounds are enough for
    short steps. A secant factor damps what overshoots (long steps) and hastens what crawls (two
    regimes that want different depths). Where the optimum of the decision before has just ceased to
    be one, corrections are small and grow: those are hastened as well, a little way at a time.
    """
    fill_decay = np.asarray(model.fill_decay)
    depth_min = model.useful_depth_min().min()
    seconds = _regime_seconds(model, step_s)
    depths = np.stack([bid, ask])
    last_move, last_step = np.full_like(depths, np.inf), np.zeros_like(depths)
    for round_ in range(_ROUNDS_MAX):
        chain = HeldQuoteChain.hold(model, depths[0], depths[1])
        earlier, slopes = _value_and_slopes(chain, value, step_s)
        curvature = _curvatures(chain, seconds, step_s)
        move = np.maximum(depths + slopes / curvature, depth_min) - depths
        if float((curvature * move**2 * fill_decay).max()) <= _VALUE_TOLERANCE:
            return earlier, depths[0], depths[1]
        secant = last_step / np.where(move == last_move, np.inf, last_move - move)
        factor = np.where(secant > 0.0, np.clip(secant, 0.1, _HASTE_MOST), 1.0)
        growth = np.divide(move, last_move, out=np.zeros_like(move), where=last_move != 0.0)
        leaving = (growth > 1.0) & (growth < _GROWTH_MOST)
        leaving &= np.abs(move) * fill_decay < _LEAVING_MOST / _HASTE_MOST
        factor = np.where(leaving, _HASTE_MOST, factor)
        calm = 1.0 if round_ < _ROUNDS_FAST else 0.4  # ends a cycle between the two sides
        last_step = np.maximum(depths + calm * factor * move, depth_min) - depths
        depths, last_move = depths + last_step, move
    raise ArithmeticError(
        f"depths: expected convergence in {_ROUNDS_MAX} rounds, last correction "
        f"{float(np.abs(move).max()):.3g}; take more steps"
    )


def _with_last_row(depths: list[Floats]) -> Floats:
    """Rows of decision times in order of time; the end repeats the last decision."""
    return np.stack([*depths[::-1], depths[0]])


def solve_stepped(model: QuotingModel, n_steps: int) -> QuoteTable:
    """Optimum of the held-quote simulator (see `stepped`), among quotes that are always posted.

    Row i of the table is decision i; at the cap the blocked side has a depth as well, for its quote
    may fill after the other side has. Exponential fills, risk-neutral. With several regimes a
    depth far from the mid may have two local optima, one for the regime of the decision and one for
    that after a switch; the nearer to the following decision's is taken.
    """
    _require_solvable(model, n_steps)
    step_s = model.horizon_s / n_steps
    values, bids, asks = [terminal_state(model)], [], []
    bid, ask = _first_guess(model, values[0])
    for _ in range(n_steps):
        value, bid, ask = _improve(model, values[-1], bid, ask, step_s)
        values.append(value)
        bids.append(bid)
        asks.append(ask)
    return QuoteTable(model, np.stack(values[::-1]), _with_last_row(bids), _with_last_row(asks))


def _improve_bernoulli(
    step: BernoulliStep, after: Floats, bid: Floats, ask: Floats
) -> tuple[Floats, Floats]:
    """Depths that maximise the mean of the four outcomes.

    For a given ask probability p_a the bid faces the climb (1 - p_a) (W(q+1) - W(q)) +
    p_a (W(q) - W(q-1)), and likewise the ask: alternate until both stand still.
    """
    model = step.model
    blocked = np.full((1, model.n_regimes), -np.inf)
    climb = np.diff(after, axis=0)
    above, below = np.concatenate([climb, blocked]), np.concatenate([-blocked, climb])
    fill_decay = np.asarray(model.fill_decay)
    for _ in range(_ROUNDS_MAX):
        bid_chance, ask_chance = step.probabilities(bid, ask)
        new_bid, new_ask = bid.copy(), ask.copy()
        inside = slice(1, -1)
        mixed = above[inside] - ask_chance[inside] * (above[inside] - below[inside])
        new_bid[inside] = best_depths(model, mixed)
        mixed = below[inside] + bid_chance[inside] * (above[inside] - below[inside])
        new_ask[inside] = best_depths(model, -mixed)
        new_bid[0], new_bid[-1] = best_depths(model, above[0]), np.inf
        new_ask[-1], new_ask[0] = best_depths(model, -below[-1]), np.inf
        moves = (new_bid[:-1] - bid[:-1], new_ask[1:] - ask[1:])
        bid, ask = new_bid, new_ask
        if all(float(np.abs(move * fill_decay).max()) <= _DEPTH_TOLERANCE for move in moves):
            return bid, ask
    raise ArithmeticError(f"depths: expected convergence in {_ROUNDS_MAX} rounds; take more steps")


def solve_bernoulli(model: QuotingModel, n_steps: int) -> QuoteTable:
    """Optimum of the simulator with at most one fill per side and step (see `stepped`).

    Row i of the table is decision i; +inf at the caps. Exponential fills, risk-neutral, and rate *
    dt * fill fraction within 1 (set `fill_cap` to 1).
    """
    _require_solvable(model, n_steps)
    step = BernoulliStep(model, model.horizon_s / n_steps)
    values, bids, asks = [terminal_state(model)], [], []
    bid, ask = _first_guess(model, values[0])
    for _ in range(n_steps):
        after = step.after_fills(values[-1])
        bid, ask = _improve_bernoulli(step, after, bid, ask)
        values.append(step.value(after, bid, ask))
        bids.append(bid)
        asks.append(ask)
    return QuoteTable(model, np.stack(values[::-1]), _with_last_row(bids), _with_last_row(asks))
