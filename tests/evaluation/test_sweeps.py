"""Sweeps: each axis moves what it names, and where nothing changes nothing is played."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlmm_tf.evaluation.episodes import Episodes
from rlmm_tf.evaluation.play import play
from rlmm_tf.evaluation.sweeps import AXES, sweep
from rlmm_tf.params import EnvParams
from tests.evaluation.problems import skewed, small_problem


def played(params: EnvParams) -> Episodes:
    return play(skewed(params), episodes=16, seed=np.random.SeedSequence(4))[0]


def along(axis: str, **overrides: Any) -> list[Episodes]:
    """The market as it is, then each level of the axis alone."""
    other = "fees" if axis != "fees" else "latency"
    one = sweep(f"{axis} x {other}")
    params = small_problem(**overrides)
    alone = [c.params for c in one.cells(params) if c.levels[1] == one.axes[1].levels[0]]
    return [played(problem) for problem in (params, *alone)]


def test_cells_are_all_pairs_but_the_first() -> None:
    one = sweep("volatility x liquidity")
    cells = one.cells(small_problem())
    assert len(cells) == 4 * 4 - 1
    assert cells[0].setting == "sweep volatility=1 x liquidity=0.6"
    assert len({cell.params.content_hash() for cell in cells}) == len(cells)
    assert small_problem().content_hash() not in {cell.params.content_hash() for cell in cells}


def test_factors_of_one_kind_are_multiplied() -> None:
    params = small_problem()
    cell = next(c for c in sweep("volatility x liquidity").cells(params) if c.levels == (4.0, 0.35))
    shocks = {shock.kind: shock for shock in cell.params.market.shocks}  # type: ignore[union-attr]
    assert shocks["intensity"].by_group == pytest.approx((4.0, 4.0, 0.7, 0.7, 2.0, 2.0))
    assert shocks["limit_sizes"].value == 0.35


def test_volatility_brings_market_orders_and_everything_else() -> None:
    found = along("volatility")
    assert [e["market_orders"].sum() for e in found] == sorted(
        e["market_orders"].sum() for e in found
    )
    assert found[-1]["events"].sum() > 1.5 * found[0]["events"].sum()


def test_liquidity_takes_orders_away() -> None:
    found = along("liquidity", episode={"n_steps": 24})  # books thin out little by little
    spreads = [e["market_spread_ticks"].sum() for e in found]
    assert spreads == sorted(spreads)
    assert spreads[-1] > 1.2 * spreads[0]


def test_fees_are_paid_by_each_lot() -> None:
    found = along("fees")
    paid = [-e["pnl_fees_x2"].sum() / (e["maker_bid_lots"] + e["maker_ask_lots"]).sum()
            for e in found]  # fmt: skip
    assert np.diff(paid).min() > 0.0


def test_lambda_is_the_rate_of_market_orders() -> None:
    base, half, double, four = (e["market_orders"].sum() for e in along("lambda"))
    assert half < base < double < four


def test_the_horizon_is_the_length_of_episodes() -> None:
    base, half, double = along("horizon")
    assert (half["steps"] == 6).all()
    assert (double["steps"] == 24).all()
    assert (half["duration_ns"] * 2 == base["duration_ns"]).all()
    assert not double["terminated"].any()


def test_latency_is_a_factor_of_all_delays() -> None:
    shocks = [c.params.market.shocks for c in sweep("latency x fees").cells(small_problem())  # type: ignore[union-attr]
              if c.levels[1] == 0.0]  # fmt: skip
    assert [(s[0].kind, s[0].value, s[0].start_ns) for s in shocks] == [
        ("latency", level, 0) for level in AXES["latency"].levels[1:]
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [("fees", "expected two axes"), ("fees x fees", "expected two axes"),
     ("fees x latency x lambda", "expected two axes"), ("fees x spread", "expected one of")],
)  # fmt: skip
def test_what_is_no_sweep_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sweep(text)
