"""The law of a queue by level, fitted to fills: what made them is found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.queue_position import fit_queue_law
from experiments.benchmarks.replay import Rows, simulated_rows, tape_of_rows
from rlmm_tf.env import RestingFills, RestingOrders, Tape, resting_fills
from rlmm_tf.replay_params import QueueParams

NS = 1_000_000_000
N_ORDERS = 400


@pytest.fixture(scope="module")
def rows() -> Rows:
    return simulated_rows("book-large-tick", 3, 1200 * NS)


@pytest.fixture(scope="module")
def levels(rows: Rows) -> Tape:
    return tape_of_rows(rows, by_order=False)


@pytest.fixture(scope="module")
def orders(rows: Rows) -> RestingOrders:
    """Copies of limit orders near the touch that came in, each for half a minute."""
    rng = np.random.default_rng(1)
    came = np.flatnonzero((rows["kind"] == 1) & (rows["ts_ns"] < 1100 * NS) & (rows["flags"] == 0))
    chosen = np.sort(rng.choice(came, N_ORDERS, replace=False))
    start_ns = rows["ts_ns"][chosen]
    return RestingOrders(
        start_ns=start_ns,
        end_ns=start_ns + 30 * NS,
        side=rows["side"][chosen],
        price_ticks=rows["price_ticks"][chosen],
        lots=np.full(N_ORDERS, 2),
    )


@pytest.mark.parametrize(
    "queue",
    [
        QueueParams(law="power", power=0.5),
        QueueParams(law="power", power=3.0),
        QueueParams(law="log", scale_lots=20.0),
    ],
)
def test_the_parameter_that_made_the_fills_is_found(
    levels: Tape, orders: RestingOrders, queue: QueueParams
) -> None:
    seen, rested = resting_fills(levels, queue, orders)
    assert len(set(seen.order)) > 20
    assert queue.law != "risk_averse"
    fit = fit_queue_law(levels, orders, seen, law=queue.law, rng=np.random.default_rng(0))
    true = queue.power if queue.law == "power" else queue.scale_lots
    assert abs(np.log(fit.value / true)) < max(0.25, 3 * fit.log_se)
    assert fit.error < 0.001 < fit.error_risk_averse
    assert (fit.orders, fit.crossing) == (rested.sum(), N_ORDERS - rested.sum())
    name = "power" if queue.law == "power" else "scale_lots"
    assert fit.queue == QueueParams.model_validate({"law": queue.law, name: fit.value})


def test_fifo_fills_are_met_better_than_by_the_careful_law(
    rows: Rows, levels: Tape, orders: RestingOrders
) -> None:
    # What the exact queues of the same market give, where cancels are known.
    seen, _ = resting_fills(tape_of_rows(rows, by_order=True), QueueParams(), orders)
    for law in ("power", "log"):
        fit = fit_queue_law(levels, orders, seen, law=law, rng=np.random.default_rng(0))
        assert fit.error < 0.8 * fit.error_risk_averse
        assert 0.0 < fit.log_se < 2.0


def test_errors_by_hand() -> None:
    # A bid of 4 behind 6; a trade of 8 at 10 ns fills 2, one of 2 at 30 ns the rest.
    tape = Tape(
        ts_ns=np.array([0, 0, 10, 30, 40]),
        kind=np.array([5, 5, 4, 4, 1], dtype=np.uint8),
        side=np.array([1, -1, 1, 1, -1], dtype=np.int8),
        price_ticks=np.array([100, 101, 100, 99, 103]),
        qty_lots=np.array([8, 5, 8, 2, 1]),
        order_id=np.zeros(5, dtype=np.uint64),
        flags=np.zeros(5, dtype=np.uint8),
        checkpoint_events=10,
    )
    n = 10
    orders = RestingOrders(
        start_ns=np.zeros(n, dtype=np.int64),
        end_ns=np.full(n, 40),
        side=np.ones(n, dtype=np.int8),
        price_ticks=np.full(n, 100),
        lots=np.full(n, 4),
    )
    replayed, rested = resting_fills(tape, QueueParams(), orders)
    assert rested.all()
    assert replayed.ts_ns[:1].tolist() == [30]
    assert replayed.lots[:1].tolist() == [2]
    # Seen: all four lots of the first order at 20 ns, and nothing of the others.
    seen = RestingFills(np.array([0]), np.array([20]), np.array([4]))
    fit = fit_queue_law(tape, orders, seen, law="power", rng=np.random.default_rng(0))
    of_first = (4 * 10 + 2 * 10) / (4 * 40)
    of_others = (2 * 10) / (4 * 40)
    assert fit.error == pytest.approx((of_first + 9 * of_others) / 10)
    assert fit.error == fit.error_risk_averse  # nothing is cancelled: all laws are one


def test_what_does_not_belong_together_is_refused(levels: Tape, orders: RestingOrders) -> None:
    rng = np.random.default_rng(0)
    start_ns = int(orders.start_ns[0])

    def fit(fills: RestingFills, of: RestingOrders = orders) -> None:
        fit_queue_law(levels, of, fills, law="power", rng=rng)

    one = RestingFills(np.array([0]), np.array([start_ns]), np.array([1]))
    with pytest.raises(ValueError, match=r"fills.order: expected indices of the 400 orders"):
        fit(replace(one, order=np.array([400])))
    with pytest.raises(ValueError, match=r"expected no more lots filled .* of order 0"):
        fit(replace(one, lots=np.array([3])))
    with pytest.raises(ValueError, match=r"expected fills between start_ns and end_ns, .* order 0"):
        fit(replace(one, ts_ns=np.array([start_ns - 1])))
    none = RestingFills(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
    few = RestingOrders(**{name: column[:9] for name, column in vars(orders).items()})
    with pytest.raises(ValueError, match=r"expected at least 10 that could rest .* of 9"):
        fit(none, few)
    wrong_side = replace(orders, side=np.zeros(N_ORDERS, dtype=np.int8))
    with pytest.raises(ValueError, match=r"order 0: side: expected 1 \(bid\) or -1 \(ask\), got 0"):
        fit(none, wrong_side)
