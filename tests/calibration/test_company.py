"""Orders alone at the best price and in company: found again, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.company import fit_company, has_company, with_company
from calibration.flow_events import FlowEvents, read_flow
from rlmm_tf.market_parts import CancelParams
from tests.calibration.markets import known_market, recorded


def events_of(factor: float) -> FlowEvents:
    """Of a market in which company changes the hazard by the factor; few orders to a level."""
    groups = tuple(
        group.model_copy(update={"baseline_hz": group.baseline_hz * (6.0 if g >= 4 else 1.0)})
        for g, group in enumerate(known_market().groups)
    )
    cancels = CancelParams(company_factor=factor)
    return read_flow([recorded(known_market(groups=groups, cancels=cancels), 1500)])


@pytest.mark.parametrize("factor", [0.3, 1.0])
def test_found_again(factor: float) -> None:
    events = events_of(factor)
    found = fit_company(events, events)
    assert found.origin == "estimated"
    assert isinstance(found.standard_error, float)
    assert abs(found.number - factor) < max(4.0 * found.standard_error, 0.05)


def test_what_cannot_be_told_is_one() -> None:
    events = events_of(0.5)
    assert fit_company(replace(events, by_order=False), events).number == 1.0
    few = replace(events, counts=np.arange(len(events)) < 100)
    found = fit_company(few, few)
    assert found.origin == "borrowed"
    assert found.number == 1.0


def test_only_the_best_price_in_company_is_scaled() -> None:
    events = events_of(0.5)
    scaled = with_company(events, events, 0.5)
    ratio = scaled.at_risk[:, :, 0] / np.maximum(events.at_risk[:, :, 0], 1e-9)
    several = has_company(events)
    assert several.any()
    assert not several.all()
    np.testing.assert_array_equal(ratio[several], 0.5)
    one = ~several & (events.at_risk[:, :, 0] > 0)
    np.testing.assert_array_equal(ratio[one], 1.0)
    np.testing.assert_array_equal(scaled.at_risk[:, :, 1:], events.at_risk[:, :, 1:])
