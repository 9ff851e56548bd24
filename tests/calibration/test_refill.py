"""Orders that take the place of a best price that has gone: by hand, found again, and too few."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.estimate import Estimate
from calibration.estimators.refill import ORDERS_LEAST, Refill, fit_refill
from calibration.flow_events import FlowEvents, lost_ticks, read_flow
from rlmm_tf.market_parts import LimitMarks, RefillParams
from tests.calibration.markets import known_market, recorded

MARKS = (
    LimitMarks(resting=(1.0,)),
    LimitMarks(improving=(0.1, 0.1), resting=(0.8,)),
)


def drawn(share: float, back_share: float, n: int, seed: int) -> tuple[Refill, Refill]:
    """The truth, and what is found in n orders of it."""
    known = Estimate.fixed(0.0)
    truth = Refill(RefillParams(share=share, back_share=back_share), known, known)
    rng = np.random.default_rng(seed)
    lost, spread_bin = rng.integers(1, 5, n), rng.integers(0, 2, n)
    better = truth.simulate(lost, spread_bin, MARKS, rng)
    return truth, fit_refill(better, lost, spread_bin, MARKS)


@pytest.mark.parametrize(("share", "back_share"), [(0.6, 0.4), (0.2, 0.9), (0.9, 0.1)])
def test_found_again(share: float, back_share: float) -> None:
    _, found = drawn(share, back_share, 5000, seed=1)
    for estimate, true in ((found.share, share), (found.back_share, back_share)):
        assert isinstance(estimate.standard_error, float)
        assert abs(estimate.number - true) < 3.0 * estimate.standard_error
    assert found.params.share == found.share.number
    assert found.params.back_share == found.back_share.number


def test_none_come_back() -> None:
    _, found = drawn(0.0, 1.0, 5000, seed=2)
    assert found.params.share < 0.03
    few = drawn(0.9, 0.9, ORDERS_LEAST - 1, seed=3)[1]
    assert few.params == RefillParams()
    assert few.share.origin == "borrowed"


def twin(events: FlowEvents) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Row by row."""
    lost = np.zeros((2, len(events)), np.int64)
    for row in range(1, len(events)):
        event = row - 1
        while event > 0 and events.group[event] >= 6:
            event -= 1
        if event == 0 or not events.counts[event - 1]:
            continue
        for side, sign in ((0, 1), (1, -1)):
            prices = events.price_ticks[side]
            lost[side, row] = max(0, sign * int(prices[event - 1] - prices[row - 1]))
    return lost


def test_what_the_last_event_took_away() -> None:
    events = read_flow([recorded(known_market(), 120)])
    lost = lost_ticks(events)
    np.testing.assert_array_equal(lost, twin(events))
    assert (lost > 0).any(axis=1).all()
