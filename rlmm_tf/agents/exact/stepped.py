"""Exact value of a quoting rule in simulators that step time.

Two simulators, both asking the rule once per step of dt seconds:

*Held quote* (`evaluate_stepped`), the engine's: the limit prices S_n - delta_b, S_n + delta_a set
at the step's start stand through the step; fills arrive in continuous time at the rates of those
depths, as many as come, except that none is taken that would pass the inventory cap (a quote that
the cap blocks fills again once the inventory has left it); the regime may switch inside the step.
With N_b, N_a fills and q' = q + N_b - N_a, wealth X + q S at the mid moves over the step by

    delta_b N_b + delta_a N_a + q' (S_{n+1} - S_n),

for a lot bought at S_n - delta_b is worth S_{n+1} whenever it was bought. The mid's increment is
independent of the fills given the regimes, so its mean is 0 and the value function obeys

    V_n(q, k) = E[delta_b N_b + delta_a N_a - integral phi q_s^2 ds + V_{n+1}(q', k')]

and for CARA, w = exp(-gamma CE),

    w_n(q, k) = E[exp(-gamma (delta_b N_b + delta_a N_a - integral phi q_s^2 ds))
                  exp(gamma^2 sigma^2 dt q'^2 / 2) w_{n+1}(q', k')].

Both are one linear ODE over the step for each starting state, u' = G u + r with constant
coefficients, solved by its Taylor series, on sub-steps where |G| dt is large.

*Bernoulli* (`evaluate_bernoulli`), usual in Python gyms: at most one fill per side and step,
independent, with probability rate * dt * fill fraction; then the mid moves; then phi q'^2 dt is
charged on the inventory after the fills; then the regime switches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm

from rlmm_tf.agents.baselines import DepthRule
from rlmm_tf.agents.exact.evaluation import (
    Quotes,
    quotes_of,
    revenue,
)
from rlmm_tf.agents.exact.model import Floats, PolicyValue, QuotingModel, require, require_count

_SERIES_ERROR = 1e-17
_NORM_MAX = 4.0  # of G dt in one sub-step: its series loses at most e^8 roundings
_SUBSTEPS_MAX = 1000


@dataclass(frozen=True)
class HeldQuoteChain:
    """Generator of the inventory and regime inside one step, one copy per starting state.

    u has shape (K, 2 Q + 1, S): regime and inventory inside the step, then the S = (2 Q + 1) K
    starting states (q0, k0); the starting states come last so that numpy's inner loops are long.
    """

    model: QuotingModel
    bid_depth: Floats  # (S,)
    ask_depth: Floats  # (S,)
    bid_rate: Floats  # (K, 1, S): fills per second in each regime of the step
    ask_rate: Floats  # (K, 1, S)
    switching: Floats  # (K, K): generator of the regime

    @classmethod
    def hold(cls, model: QuotingModel, bid_depth: Floats, ask_depth: Floats) -> HeldQuoteChain:
        """Chain of the quotes, shape (2 Q + 1, K), set in each state at the step's start."""
        bid, ask = bid_depth.ravel(), ask_depth.ravel()
        bid_rate = np.asarray(model.sell_rate_hz) * model.fill_fraction(bid[:, None])
        ask_rate = np.asarray(model.buy_rate_hz) * model.fill_fraction(ask[:, None])
        return cls(
            model,
            bid,
            ask,
            np.ascontiguousarray(bid_rate.T)[:, None],
            np.ascontiguousarray(ask_rate.T)[:, None],
            model.regime_generator(),
        )

    def gains(self) -> tuple[Floats, Floats]:
        """CARA weight exp(-gamma depth) of a bid and an ask fill, 1 where there is no quote."""
        gamma = self.model.risk_aversion
        bid, ask = (
            np.exp(-gamma * np.where(np.isinf(depth), 0.0, depth))
            for depth in (self.bid_depth, self.ask_depth)
        )
        return bid, ask

    def potential(self) -> Floats:
        """phi_k q^2, shape (K, 2 Q + 1, 1): the running cost per second."""
        squared = self.model.inventories_lots.astype(np.float64) ** 2
        return np.asarray(self.model.running_penalty)[:, None, None] * squared[:, None]

    def source(self) -> Floats:
        """Source r of u' = G u + r: expected spread earned minus running cost, per second."""
        model = self.model
        out = np.zeros((model.n_regimes, len(model.inventories_lots), len(self.bid_depth)))
        if model.risk_aversion == 0.0:
            out -= self.potential()
            out[:, :-1] += revenue(self.bid_rate, self.bid_depth)
            out[:, 1:] += revenue(self.ask_rate, self.ask_depth)
        return out

    def generate(self, u: Floats) -> Floats:
        """G u; a fill of a risk-averse market maker carries the weight exp(-gamma depth)."""
        model = self.model
        gamma = model.risk_aversion
        out = np.zeros_like(u)
        if gamma > 0.0:
            gain_bid, gain_ask = self.gains()
            out += gamma * self.potential() * u
            out[:, :-1] += self.bid_rate * (gain_bid * u[:, 1:] - u[:, :-1])
            out[:, 1:] += self.ask_rate * (gain_ask * u[:, :-1] - u[:, 1:])
        else:
            climb = u[:, 1:] - u[:, :-1]
            out[:, :-1] = self.bid_rate * climb
            climb *= self.ask_rate
            out[:, 1:] -= climb
        if model.n_regimes > 1:
            out += (self.switching @ u.reshape(model.n_regimes, -1)).reshape(u.shape)
        return out

    def substeps(self, step_s: float) -> tuple[int, int]:
        """Sub-steps that keep |G| dt moderate, and the Taylor terms each of them needs."""
        model = self.model
        gamma = model.risk_aversion
        gain_bid, gain_ask = self.gains()
        norm = float((self.bid_rate * (1.0 + gain_bid)).max())
        norm += float((self.ask_rate * (1.0 + gain_ask)).max())
        norm += 2.0 * float(np.asarray(model.switch_rates_hz).sum(axis=1).max())
        norm += gamma * float(self.potential().max())
        require(
            norm * step_s <= _SUBSTEPS_MAX * _NORM_MAX,
            "n_steps",
            f"(fill rate x step) within {_SUBSTEPS_MAX * _NORM_MAX}",
            norm * step_s,
            "set fill_cap (a simulator fills at most at the arrival rate) or take more steps",
        )
        n_substeps = max(1, math.ceil(norm * step_s / _NORM_MAX))
        ratio = norm * step_s / n_substeps
        n_terms, size = 1, ratio
        while size > _SERIES_ERROR:
            n_terms += 1
            size *= ratio / n_terms
        return n_substeps, n_terms

    def advance(self, u: Floats, step_s: float) -> Floats:
        """exp(G dt) u plus the integrated source: sum of d_j, d_{j+1} = dt G d_j / (j + 1)."""
        n_substeps, n_terms = self.substeps(step_s)
        sub_s = step_s / n_substeps
        source = self.source() * sub_s
        for _ in range(n_substeps):
            term = sub_s * self.generate(u) + source
            total = u + term
            for order in range(2, n_terms + 1):
                term = self.generate(term)
                term *= sub_s / order
                total += term
            u = total
        return u

    def spread(self, value: Floats) -> Floats:
        """One copy of the next value, shape (2 Q + 1, K), per starting state."""
        return np.repeat(value.T[:, :, None], len(self.bid_depth), axis=2)

    def collect(self, u: Floats) -> Floats:
        """Each starting state's entry in its own copy, shape (2 Q + 1, K)."""
        n_regimes, n_inventories, n_starts = u.shape
        start = np.arange(n_starts)
        own: Floats = u[start % n_regimes, start // n_regimes, start]
        return own.reshape(n_inventories, n_regimes)


def terminal_state(model: QuotingModel) -> Floats:
    """V (or w if risk-averse) at the end of the episode, shape (2 Q + 1, K)."""
    loss = model.terminal_penalty * model.inventories_lots.astype(np.float64) ** 2
    if model.risk_aversion > 0.0:
        loss = -np.exp(model.risk_aversion * loss)
    return np.repeat(-loss[:, None], model.n_regimes, axis=1)


def _decisions(model: QuotingModel, rule: DepthRule, n_steps: int) -> Quotes:
    require_count("n_steps", n_steps)
    return quotes_of(model, rule, np.linspace(model.horizon_s, 0.0, n_steps, endpoint=False))


def _mid_move(model: QuotingModel, step_s: float) -> Floats:
    """exp(gamma^2 sigma_k^2 dt q^2 / 2), shape (2 Q + 1, K); 1 if risk-neutral."""
    squared = model.inventories_lots.astype(np.float64)[:, None] ** 2
    variance = (model.risk_aversion * np.asarray(model.volatility)) ** 2 * step_s
    return np.asarray(np.exp(0.5 * variance * squared))


def evaluate_stepped(model: QuotingModel, rule: DepthRule, n_steps: int) -> PolicyValue:
    """Exact value of `rule` in the held-quote simulator with `n_steps` decisions.

    Args:
        model: risk-averse models must have the same volatility in every regime, for else the mid's
            move depends on the regime's path inside the step.
        rule: asked at times i T / n_steps, in the inventory and regime of that moment.
        n_steps: decisions per episode.

    Raises:
        ArithmeticError: the expected utility of a risk-averse model overflows.
    """
    same = len(set(model.volatility)) == 1 or model.risk_aversion == 0.0
    require(same, "volatility", "one value for all regimes if risk-averse", model.volatility)
    quotes = _decisions(model, rule, n_steps)
    step_s = model.horizon_s / n_steps
    with np.errstate(over="ignore", invalid="ignore"):  # _finished reports both
        mid_move = _mid_move(model, step_s)
        value = terminal_state(model)
        for step in range(n_steps - 1, -1, -1):
            chain = HeldQuoteChain.hold(model, quotes.bid_depth[step], quotes.ask_depth[step])
            value = chain.collect(chain.advance(chain.spread(value * mid_move), step_s))
    return _finished(model, value)


def evaluate_bernoulli(model: QuotingModel, rule: DepthRule, n_steps: int) -> PolicyValue:
    """Exact value of `rule` in the simulator with at most one fill per side and step.

    Fill probabilities are rate * dt * fill fraction, which must not exceed 1: set `fill_cap` to 1.
    """
    quotes = _decisions(model, rule, n_steps)
    step_s = model.horizon_s / n_steps
    step = BernoulliStep(model, step_s)
    with np.errstate(over="ignore", invalid="ignore"):  # _finished reports both
        value = terminal_state(model)
        for index in range(n_steps - 1, -1, -1):
            bid_depth, ask_depth = quotes.bid_depth[index], quotes.ask_depth[index]
            value = step.value(step.after_fills(value), bid_depth, ask_depth)
    return _finished(model, value)


def _finished(model: QuotingModel, state: Floats) -> PolicyValue:
    gamma = model.risk_aversion
    if not (np.isfinite(state).all() and (gamma == 0.0 or bool((state > 0.0).all()))):
        raise ArithmeticError(
            "certainty equivalent: expected an expected utility within float64, got an overflow; "
            "lower inventory_cap or risk_aversion"
        )
    return PolicyValue(model, -np.log(state) / gamma if gamma > 0.0 else state)


@dataclass(frozen=True)
class BernoulliStep:
    """One step of the Bernoulli simulator: V_n = E[revenue + W(q')], W = `after_fills`(V_{n+1})."""

    model: QuotingModel
    step_s: float

    def after_fills(self, value: Floats) -> Floats:
        """W(q', k): cost of holding q' through the step in regime k, then the switch."""
        model, step_s = self.model, self.step_s
        switched = value @ expm(model.regime_generator() * step_s).T
        squared = model.inventories_lots.astype(np.float64)[:, None] ** 2
        cost = np.asarray(model.running_penalty) * squared * step_s
        if model.risk_aversion == 0.0:
            return np.asarray(switched - cost)
        return np.asarray(switched * np.exp(model.risk_aversion * cost) * _mid_move(model, step_s))

    def probabilities(self, bid_depth: Floats, ask_depth: Floats) -> tuple[Floats, Floats]:
        """Fill probability of each side, shape (2 Q + 1, K); 0 where the cap blocks it."""
        model = self.model
        bid = self.step_s * np.asarray(model.sell_rate_hz) * model.fill_fraction(bid_depth)
        ask = self.step_s * np.asarray(model.buy_rate_hz) * model.fill_fraction(ask_depth)
        bid[-1] = 0.0
        ask[0] = 0.0
        largest = float(max(bid.max(), ask.max()))
        remedy = "set fill_cap=1.0 or take more steps"
        require(largest <= 1.0, "fill probability per step", "at most 1", largest, remedy)
        return bid, ask

    def value(self, after: Floats, bid_depth: Floats, ask_depth: Floats) -> Floats:
        """Mean of the four outcomes: neither, bid, ask, both."""
        gamma = self.model.risk_aversion
        bid, ask = self.probabilities(bid_depth, ask_depth)
        above, below = np.roll(after, -1, axis=0), np.roll(after, 1, axis=0)
        earn_bid = np.where(np.isinf(bid_depth), 0.0, bid_depth)
        earn_ask = np.where(np.isinf(ask_depth), 0.0, ask_depth)
        if gamma > 0.0:
            gain_bid, gain_ask = np.exp(-gamma * earn_bid), np.exp(-gamma * earn_ask)
            only_bid, only_ask = gain_bid * above, gain_ask * below
            both = gain_bid * gain_ask * after
        else:
            only_bid, only_ask = earn_bid + above, earn_ask + below
            both = earn_bid + earn_ask + after
        neither = (1.0 - bid) * (1.0 - ask) * after
        one = bid * (1.0 - ask) * only_bid + ask * (1.0 - bid) * only_ask
        return np.asarray(neither + one + bid * ask * both)
