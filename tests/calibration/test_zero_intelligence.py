"""Poisson flows: found again from their own simulation, and refused where nothing can be told."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.flow_events import FlowEvents, read_flow
from calibration.zero_intelligence import PoissonFlows
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import ARROW_SCHEMA, EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import Session, record

TRUTH = PoissonFlows((2.4, 1.8, 1.2, 0.8), theta=0.5, mu=0.3, order_lots=20)
SECONDS = 3000


def simulated() -> FlowEvents:
    params = EnvParams(market=BookMarketParams(model=TRUTH.market))
    duration_ns = SECONDS * NS_PER_S
    chunks = [
        chunk.columns(0) for chunk in record(params, seed=2, duration_ns=duration_ns, levels=0)
    ]
    columns = {
        name: np.concatenate([chunk[name] for chunk in chunks]) for name in ARROW_SCHEMA.names
    }
    metadata = Session(duration_ns).metadata("0" * 64)
    return read_flow([EventTable.from_columns(columns, metadata)])


def test_rates_are_found_again() -> None:
    flow = simulated()
    found = PoissonFlows.of(flow)
    assert found.order_lots == TRUTH.order_lots
    n = 2.0 * SECONDS * np.array(TRUTH.lambda_by_distance)
    far = len(found.lambda_by_distance)
    assert far >= 3
    error = np.array(found.lambda_by_distance) - TRUTH.lambda_by_distance[:far]
    assert (np.abs(error) < 4.0 * np.sqrt(n[:far]) / (2.0 * SECONDS)).all()
    # Orders with few lots left count in part, and so do those who meet a thin book.
    assert found.mu == pytest.approx(TRUTH.mu, rel=0.1)
    assert found.theta == pytest.approx(TRUTH.theta, rel=0.1)


def test_evenly_keeps_the_orders() -> None:
    even = TRUTH.evenly
    assert even.lambda_by_distance == (pytest.approx(6.2 / 4),) * 4
    assert even.theta == TRUTH.theta
    assert even.market.groups[2].baseline_hz == pytest.approx(TRUTH.market.groups[2].baseline_hz)


def test_a_flow_without_trades_is_refused() -> None:
    flow = simulated()
    flow.group[flow.group < 2] = 6
    with pytest.raises(ValueError, match="flow: expected market orders, got none"):
        PoissonFlows.of(flow)
