"""Every metric of a market maker on two episodes that were worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from reports.statistics.market_making import METRICS, metrics_of
from rlmm_tf.evaluation.episodes import EPISODE_COLUMNS, EpisodeMetadata, Episodes

# A tick of a lot is worth 0.5; steps of two seconds.
METADATA = EpisodeMetadata(
    market="m", problem_sha256="", seed=0, tick_value=0.5, step_ns=2 * 10**9, steps=4,
    inventory_cap_lots=9, mid_ticks_x2=200,
)  # fmt: skip
BY_HAND: dict[str, tuple[Any, Any]] = {
    # Positions at the ends of steps: 2, 4, 2, 1 and 0, -1, -2, -1.
    "environment": (0, 1),
    "steps": (4, 4),
    "duration_ns": (8 * 10**9, 8 * 10**9),
    "terminated": (False, True),
    "mid_ticks_x2": (201, 199),
    "pnl_x2": (20, -8),
    "pnl_spread_x2": (30, 10),
    "pnl_inventory_x2": (-8, -22),
    "pnl_fees_x2": (-2, 4),
    "drawdown_x2": (6, 12),
    "maker_bid_lots": (4, 1),
    "maker_ask_lots": (3, 2),
    "taker_lots": (1, 0),
    "quoted_bid_lots": (8, 6),
    "quoted_ask_lots": (8, 3),
    "two_sided_steps": (4, 1),
    "quoted_spread_ticks": (12, 8),
    "market_spread_ticks": (5, 11),
    "market_orders": (20, 10),
    "capturable_x2": (100, 60),
    "trades": (5, 4),
    "traded_tick_lots": (800, 299),
    "messages": (9, 13),
    "messages_refused": (0, 1),
    "lots_rejected": (0, 2),
    "events": (100, 50),
    "inventory_end_lots": (1, -1),
    "inventory_max_lots": (4, 2),
    "inventory_sum": (9, -4),
    "inventory_squares": (25, 6),
    "inventory_products": (18, 4),
    "inventory_lots_s": (12.0, 6.0),
    "inventory_integral_lots_s": (18.0, -8.0),
    "inventory_squares_s": (50.0, 12.0),
    "queue_front_rested": (4, 2),
    "queue_front_filled": (3, 0),
    "queue_quarter_rested": (5, 0),
    "queue_quarter_filled": (1, 0),
    "queue_half_rested": (0, 0),
    "queue_half_filled": (0, 0),
    "queue_whole_rested": (2, 2),
    "queue_whole_filled": (0, 0),
    "queue_deeper_rested": (1, 0),
    "queue_deeper_filled": (1, 0),
    "markout_100ms_x2": (22, 0),
    "markout_lots_100ms": (7, 4),
    "markout_1s_x2": (10, -10),
    "markout_lots_1s": (8, 2),
    "markout_10s_x2": (-8, 0),
    "markout_lots_10s": (2, 2),
    "markout_60s_x2": (0, 0),
    "markout_lots_60s": (0, 0),
    "markout_spread_100ms_x2": (30, 10),
    "markout_spread_1s_x2": (24, 8),
    "markout_spread_10s_x2": (6, 10),
    "markout_spread_60s_x2": (0, 0),
    "reward": (1.5, -2.5),
}
EXPECTED: dict[str, float | None] = {
    "mean PnL": 0.25 * (20 - 8) / 2,  # half a tick lot is worth 0.25
    "PnL standard deviation": 0.25 * 28 / math.sqrt(2),
    "mean reward": -0.5,
    "VaR 95 %": None,  # of two episodes: see below
    "ES 95 %": None,
    "VaR 99 %": None,
    "ES 99 %": None,
    "max drawdown": 0.25 * 12,
    "PnL of spread": 0.25 * 20,
    "PnL of inventory": 0.25 * -15,
    "PnL of fees": 0.25 * 1,
    "traded": (8 + 3) / 2,
    "fill ratio": 10 / 25,
    "maker share": 10 / 11,
    "maker/taker ratio": 10 / 1,
    "turnover": 0.5 * 1099 / 2,
    "turnover of capital": 0.5 * 1099 / 2 / (100 * 9 * 0.5),
    "quoted spread": 20 / 5,
    "effective spread": 40 / 11,
    "spread capture": (40 / 11) / (16 / 8),
    "captured of all spread": 40 / 160,
    "inventory mean": 5 / 8,
    "inventory deviation": math.sqrt(31 / 8 - (5 / 8) ** 2),
    "inventory mean over time": 10 / 16,
    "inventory deviation over time": math.sqrt(62 / 16 - (10 / 16) ** 2),
    "inventory size over time": 18 / 16,
    "inventory maximum": 4.0,
    # rho = (8 + 8 + 2 + 0 + 2 + 2) / (4 + 16 + 4 + 0 + 1 + 4)
    "inventory half-life": -math.log(2) / math.log(22 / 29) * 2,
    "order-to-trade ratio": 22 / 9,
    "ended by the loss limit": 0.5,
    "markout 100ms": 11 / 11,
    "adverse selection 100ms": 1 - 1 / (20 / 11),
    "lots with a markout 100ms": 1.0,
    "lots with a markout 1s": 10 / 11,
    "lots with a markout 10s": 4 / 11,
    "lots with a markout 60s": 0.0,
    "effective spread of those, 100ms": 40 / 11,
    "effective spread of those, 1s": 32 / 10,
    "effective spread of those, 10s": 16 / 4,
    "effective spread of those, 60s": None,
    "markout 1s": 0.0,
    "adverse selection 1s": 1.0,
    "markout 10s": -1.0,
    "adverse selection 10s": 1 + 1 / 2,  # of the 4 lots: 2 ticks from the mid, worth -1 later
    "markout 60s": None,
    "adverse selection 60s": None,
    "realised spread 100ms": 2.0,
    "realised spread 1s": 0.0,
    "realised spread 10s": -2.0,
    "realised spread 60s": None,
    "filled, nobody ahead": 3 / 6,
    "filled, 1/4 touch ahead": 1 / 5,
    "filled, 1/2 touch ahead": None,
    "filled, 1 touch ahead": 0.0,
    "filled, more ahead": 1.0,
}


def episodes(**changes: Any) -> Episodes:
    values = {
        column.name: np.array((BY_HAND | changes)[column.name], column.dtype)
        for column in EPISODE_COLUMNS
    }
    return Episodes("a", values)


def test_every_metric_is_as_by_hand() -> None:
    found = metrics_of(episodes(), METADATA)
    assert list(found) == [metric.name for metric in METRICS]
    assert set(found) == set(EXPECTED)
    for name, value in EXPECTED.items():
        assert found[name] == (None if value is None else pytest.approx(value, rel=1e-12)), name


def test_the_parts_are_the_pnl() -> None:
    found = metrics_of(episodes(), METADATA)
    parts = [found[f"PnL of {part}"] for part in ("spread", "inventory", "fees")]
    assert sum(part for part in parts if part is not None) == found["mean PnL"]


def test_who_does_nothing_has_no_ratios() -> None:
    nothing = dict.fromkeys(BY_HAND, (0, 0)) | {
        "environment": (0, 1), "steps": (4, 4), "duration_ns": (8, 8), "reward": (0.0, 0.0),
        "inventory_lots_s": (0.0, 0.0), "inventory_integral_lots_s": (0.0, 0.0),
        "inventory_squares_s": (0.0, 0.0), "terminated": (False, False),
    }  # fmt: skip
    found = metrics_of(episodes(**nothing), METADATA)
    undefined = {
        *(f"{what} {level} %" for what in ("VaR", "ES") for level in (95, 99)),
        "fill ratio", "maker share", "maker/taker ratio", "quoted spread", "effective spread",
        "spread capture", "captured of all spread", "inventory half-life", "order-to-trade ratio",
        *(f"{what} {h}" for what in ("markout", "realised spread", "adverse selection",
                                     "lots with a markout", "effective spread of those,")
          for h in ("100ms", "1s", "10s", "60s")),
        *(name for name in EXPECTED if name.startswith("filled, ")),
    }  # fmt: skip
    assert {name for name, value in found.items() if value is None} == undefined
    assert all(value == 0 for name, value in found.items() if name not in undefined)


def test_an_analytic_market_has_no_spread_to_capture() -> None:
    assert metrics_of(episodes(market_spread_ticks=(0, 0)), METADATA)["spread capture"] is None


def test_late_fills_do_not_count_as_adverse_selection() -> None:
    """Only a third of the lots were old enough; all of them were worth what they were at first."""
    third = episodes(markout_60s_x2=(6, 4), markout_lots_60s=(2, 2), markout_spread_60s_x2=(6, 4))
    found = metrics_of(third, METADATA)
    assert found["adverse selection 60s"] == 0.0
    assert found["realised spread 60s"] == found["effective spread of those, 60s"] == 2.5
    assert found["effective spread"] == 40 / 11  # of all
    assert found["lots with a markout 60s"] == pytest.approx(4 / 11)
    paid = episodes(markout_60s_x2=(6, 4), markout_lots_60s=(2, 2), markout_spread_60s_x2=(-6, 6))
    assert metrics_of(paid, METADATA)["adverse selection 60s"] is None


@pytest.mark.parametrize("products", [(0, 0), (-5, 0), (40, 4)])
def test_a_position_that_does_not_go_back_has_no_half_life(products: tuple[int, int]) -> None:
    found = metrics_of(episodes(inventory_products=products), METADATA)
    assert found["inventory half-life"] is None


def test_the_tail_is_the_worst_twentieth() -> None:
    n = 40
    pnl_x2 = np.arange(n) * 4 - 20
    values = {c.name: np.zeros(n, c.dtype) for c in EPISODE_COLUMNS}
    values |= {"pnl_x2": pnl_x2, "pnl_spread_x2": pnl_x2, "steps": np.ones(n, np.int64),
               "duration_ns": np.ones(n, np.int64)}  # fmt: skip
    found = metrics_of(Episodes("a", values), METADATA)
    assert found["VaR 95 %"] == pytest.approx(0.25 * 12.2)  # between the second and the third worst
    assert found["ES 95 %"] == pytest.approx(0.25 * 18)  # the mean of the two beyond it
    assert found["VaR 99 %"] is None  # of forty


def test_each_metric_says_how_it_is_computed() -> None:
    for metric in METRICS:
        assert len(metric.formula) > 20, metric.name
    assert len({metric.name for metric in METRICS}) == len(METRICS)
