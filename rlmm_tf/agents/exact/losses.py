"""Where a rule loses what it loses to the optimum: by inventory and regime.

With h the optimum's values, p(t, q, k) the chances of being somewhere under the rule, and

    H(delta_bid, delta_ask) = sum over sides of Lambda_k(delta) (delta + h(q +- 1) - h(q)),

the values differ by exactly what is lost along the way (the performance difference lemma):

    V* - V = integral over t of sum over q, k of p (max H - H(the rule's depths)).
"""

from __future__ import annotations

import numpy as np

from rlmm_tf.agents.baselines import DepthRule
from rlmm_tf.agents.exact.model import Floats, QuoteTable, QuotingModel, require


def losses_by_state(best: QuoteTable, rule: DepthRule) -> Floats:
    """Shares of V* - V from zero inventory, in price units, (2 Q + 1, K).

    Args:
        best: of a risk-neutral model, with an even number of steps; a Runge-Kutta step takes two.
        rule: as it is played.
    """
    model, n_steps = best.model, len(best.value) - 1
    require(model.risk_aversion == 0.0, "risk_aversion", "0", model.risk_aversion)
    require(n_steps % 2 == 0, "n_steps", "an even number", n_steps)
    chances = np.zeros((len(model.inventories_lots), model.n_regimes))
    chances[model.inventory_cap] = model.initial_regime_probabilities
    lost = np.zeros_like(chances)
    width = 2.0 * model.horizon_s / n_steps
    end = _rates_and_gaps(best, rule, 0)
    for row in range(0, n_steps, 2):
        start, middle, end = end, *(_rates_and_gaps(best, rule, row + i) for i in (1, 2))
        first, gap_1 = _slopes(model, chances, start)
        second, gap_2 = _slopes(model, chances + 0.5 * width * first, middle)
        third, gap_3 = _slopes(model, chances + 0.5 * width * second, middle)
        fourth, gap_4 = _slopes(model, chances + width * third, end)
        chances = chances + width / 6.0 * (first + 2.0 * (second + third) + fourth)
        lost += width / 6.0 * (gap_1 + 2.0 * (gap_2 + gap_3) + gap_4)
    return lost


def _rates_and_gaps(best: QuoteTable, rule: DepthRule, row: int) -> tuple[Floats, Floats, Floats]:
    """Rates at which the rule's bids and asks are filled, and max H - H, at a time of the table."""
    model = best.model
    n_regimes = model.n_regimes
    lots = np.repeat(model.inventories_lots.astype(np.float64)[:, None], n_regimes, axis=1)
    regime = np.broadcast_to(np.arange(n_regimes), lots.shape)
    left_s = np.full(lots.shape, model.horizon_s * (1.0 - row / (len(best.value) - 1)))
    climb = np.diff(best.value[row], axis=0)
    gap, rates = np.zeros_like(lots), []
    depths = rule.depths(left_s, lots, regime if n_regimes > 1 else None)
    sides = (
        (slice(None, -1), climb, best.bid_depth[row], model.sell_rate_hz),
        (slice(1, None), -climb, best.ask_depth[row], model.buy_rate_hz),
    )
    for depth, (inside, gain, ideal, orders_hz) in zip(depths, sides, strict=True):
        rate, at_best = np.zeros_like(lots), np.zeros_like(lots)
        rate[inside] = np.asarray(orders_hz) * model.fill_fraction(depth[inside])
        at_best[inside] = np.asarray(orders_hz) * model.fill_fraction(ideal[inside])
        gap[inside] += at_best[inside] * (ideal[inside] + gain)
        gap[inside] -= rate[inside] * (np.where(rate[inside] > 0.0, depth[inside], 0.0) + gain)
        rates.append(rate)
    return rates[0], rates[1], gap


def _slopes(
    model: QuotingModel, chances: Floats, at: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats]:
    """How the chances change, and what is lost in each state, per second."""
    bid, ask, gap = at
    bought, sold = chances * bid, chances * ask
    out = -bought - sold
    out[1:] += bought[:-1]
    out[:-1] += sold[1:]
    if model.n_regimes > 1:
        switch = np.asarray(model.switch_rates_hz)
        out += chances @ switch - chances * switch.sum(axis=1)
    return out, chances * gap
