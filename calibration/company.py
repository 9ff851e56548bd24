"""Orders at the best price that are alone there are cancelled more often than those in company.

    company_factor = (cancels / order seconds of orders in company) / (the same of orders alone),

at most 1, at the best price of their side; order seconds are weighed by the hazards of the classes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Estimate
from calibration.flow_events import FlowEvents

CANCELS_LEAST = 200  # alone, and in company
ONE_ORDER = 1.5


def has_company(plain: FlowEvents) -> NDArray[np.bool_]:
    """Whether several orders are at the best price after each row, [row][side].

    Args:
        plain: events with every order at risk alike.
    """
    return np.asarray(plain.at_risk[:, :, 0] > ONE_ORDER)


def fit_company(events: FlowEvents, plain: FlowEvents) -> Estimate:
    """The factor.

    Args:
        events: with orders at risk by the hazards of classes.
        plain: the same with every order at risk alike.
    """
    if not events.by_order:
        return Estimate.borrowed(1.0, "a recording by level does not show which order is cancelled")
    company = has_company(plain)
    before = np.concatenate([company[:1], company[:-1]])
    seen, risk = np.zeros(2), np.zeros(2)
    for side in (0, 1):
        mine = events.counted & (events.group == 4 + side) & (events.away_ticks == 0)
        seen += np.bincount(before[mine, side], minlength=2)
        orders_s = events.seconds * events.at_risk[:, side, 0]
        risk += np.bincount(company[:, side], weights=orders_s, minlength=2)
    if seen.min() < CANCELS_LEAST or risk.min() <= 0.0:
        text = f"{seen.min():.0f} cancels alone or in company at the best price: too few"
        return Estimate.borrowed(1.0, text)
    hazard = seen / risk
    factor = float(min(hazard[1] / hazard[0], 1.0))
    return Estimate(factor, factor * float(np.sqrt((1.0 / seen).sum())), int(seen.sum()))


def with_company(events: FlowEvents, plain: FlowEvents, factor: float) -> FlowEvents:
    """The events with orders in company at the best price at risk by the factor."""
    at_risk = events.at_risk.copy()
    at_risk[:, :, 0] *= np.where(has_company(plain), np.float32(factor), np.float32(1.0))
    return replace(events, at_risk=at_risk)
