"""The calibration page: everything that is given is shown, what is missing is said, all is safe."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from reports.calibration import calibration_page
from reports.page import HeatMap, write_page
from reports.page.page import render

GROUPS = ("market_sell", "market_buy", "limit_bid", "limit_ask", "cancel_bid", "cancel_ask")


def estimate(value: Any, error: Any = None, n: int = 100, origin: str = "estimated") -> Any:
    return {"value": value, "standard_error": error, "n": n, "origin": origin, "note": ""}


def spread_regime(share: float) -> dict[str, Any]:
    return {
        "by_kind": [estimate([0.9, 0.1, 0.2, 0.8], [0.01] * 4), estimate([0.5] * 4, [0.1] * 4, 0)],
        "jumps": estimate([0.0, 1.0, 1.0, 0.0], [0.0] * 4),
        "stay_s": estimate([2.0, 1.0], [0.2, 0.1]),
        "time_share": [share, 1 - share],
        "implied_share": [share, 1 - share],
    }


def observed() -> dict[str, Any]:
    return {
        "fill_rate": {
            "a_hz": estimate(0.44, 0.06),
            "k_per_tick": estimate(0.36, 0.03),
            "low_ticks": 6.0,
            "high_ticks": 16.5,
            "valid_low_ticks": 6.0,
            "valid_high_ticks": 12.5,
            "depth_ticks": [6.0, 7.0],
            "observed_hz": [0.05, 0.03],
            "observed_error_hz": [0.001, 0.001],
            "misfit_p": 0.2,
            "n": 2157,
        },
        "queue_fills": {
            "horizons_s": [1.0, 60.0],
            "edges_lots": [100.0],
            "probability": [
                estimate([0.1, 0.6], [0.01, 0.02]),
                estimate([0.05, 0.4], [0.01, 0.02]),
            ],
        },
        "markouts": {
            "horizons_s": [1.0, 10.0],
            "overall": estimate([0.8, -0.7], [0.1, 0.3]),
            "cells": [estimate([0.5, -0.9], [0.1, 0.3]), estimate([None, None], [None, None], 0)],
        },
        "spread": {
            "edges_ticks": [1, 2],
            "kinds": ["limit_bid", "other"],
            "regimes": [spread_regime(0.7)],
        },
        "garch": {
            name: estimate(value, 0.01)
            for name, value in (("alpha", 0.06), ("beta", 0.84), ("nu", 4.3), ("persistence", 0.9))
        }
        | {"half_life_s": 418.5, "ljung_box_p": 0.2, "ljung_box_before_p": 0.02},
        "latency": {
            "mu": estimate(None, origin="borrowed"),
            "sigma": estimate(None, origin="borrowed"),
            "quantiles": [0.5],
            "quantile_ms": [0.0],
            "n": 10,
        },
    }


def values() -> dict[str, Any]:
    residual = {"n": 1000, "ks": 0.02, "acf_1": 0.01, "dispersion": 1.02}
    factor = [[1.0, 0.5, 2.0], [0.8, 1.0, 1.2]]
    return {
        "instrument": {"venue": "X", "symbol": "<b>&", "tick_size": "0.01", "lot_size": "1"},
        "files": ["day.parquet"],
        "sources": ["sha256:0"],
        "synthetic": False,
        "market_hash": "abc",
        "seconds": 23_400.0,
        "n_events": dict.fromkeys(GROUPS, 1000),
        "estimates": {
            "branching_radius": estimate(0.9, None, 0, "fixed"),
            "baseline_hz": estimate([0.1] * 8, [0.01] * 8),
        },
        "cautions": [],
        "goodness": {
            "events": 6000,
            "log_likelihood_per_event": 2.2,
            "gain_over_poisson_per_event": 2.9,
            "residuals": dict.fromkeys(GROUPS, residual),
        },
        "states": {
            "spread_bin_ticks": [1, 2],
            "imbalance_bin_edges": [-0.3, 0.3],
            "factor": {"market_sell": factor, "limit_bid": factor, "cancel_bid": None},
        },
        "kernels": {
            "decays_hz": [100.0, 1.0],
            "groups": list(GROUPS),
            "excitation": [[[0.05] * 6] * 6] * 2,
        },
        "sizes": {"market orders": {"lots": list(range(1, 21)), "probability": [0.05] * 20}},
        "season": {
            "bin_s": 1800,
            "origin_s": 48_600,
            "kinds": {"limit orders": estimate([1.5, 0.5], [0.1, 0.1])},
        },
        "regimes": {
            "n": 2,
            "level": estimate([0.1, 0.9], [0.01, 0.02]),
            "deviation": estimate([0.4, 0.5], [0.01, 0.02]),
            "dwell_s": estimate([600.0, 300.0], [60.0, 30.0]),
            "occupancy": [0.7, 0.3],
            "bic": [[1, 1700.0], [2, 1500.0]],
            "factors": {"limit orders": [0.8, 1.4]},
            "path": [
                {
                    "name": "2012-06-21",
                    "hours": [13.5, 13.6, 13.7],
                    "mid": [100.0, None, 101.5],
                    "filtered": [[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]],
                    "smoothed": [[0.95, 0.05], [0.6, 0.4], [0.1, 0.9]],
                }
            ],
        },
        "activity": [(0.0, 100), (1 / 12, 200)],
        "observed": observed(),
        "simulated_spread": {
            "edges_ticks": [1, 2],
            "kinds": ["limit_bid", "other"],
            "regimes": [spread_regime(0.6)],
        },
    }


def shown(of: dict[str, Any]) -> str:
    return render(calibration_page(of))


def test_the_page_shows_what_it_is_given_and_needs_nothing_else(tmp_path: Path) -> None:
    write_page(calibration_page(values()), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;&amp;" in text
    assert "<b>" not in text
    assert not re.search(r"(src|href)=", text)
    assert "<script" not in text
    for wanted in (
        "The model explains the events that it was fitted to.",
        "There are no cautions.",
        "0.0804 to 0.12, 0.0804 to 0.12",  # 0.1 -+ 1.96 x 0.01
        "1: 1700.0, 2: 1500.0",
        "600 (±60)",
        "Filtered probabilities know the past only",
        "recorded",
        "simulated",
        "0.44 (±0.06)",
        "holds to, ticks",
        "0.6 (±0.02)",
        "more than 100 lots",
        "latency</dt><dd>not to be seen",
    ):
        assert wanted in text, wanted
    # the law of 20 sizes: the twelve most frequent, and the rest together
    assert text.count(">other<") >= 1


def test_a_model_that_misses_says_so_first() -> None:
    bad = values()
    bad["goodness"]["residuals"] = {
        **bad["goodness"]["residuals"],
        "limit_bid": {"n": 9, "ks": 0.31, "acf_1": None, "dispersion": None},
    }
    bad["goodness"]["gain_over_poisson_per_event"] = None
    bad["cautions"] = [{"code": "thin", "part": "season", "text": "few events"}]
    text = shown(bad)
    note = re.search(r'<p class="note">(.*?)</p>', text, re.DOTALL)
    assert note
    assert "does not explain all of the events: 2 of 8 missed. 1 caution says" in note.group(1)
    assert "MISSED" in text
    assert "few events" in text


def test_synthetic_data_are_called_so() -> None:
    assert "Synthetic: these events come from a simulator." in shown(
        {**values(), "synthetic": True}
    )


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"season": None}, "The model has no season."),
        ({"regimes": None}, "The model has one regime."),
        ({"kernels": {**values()["kernels"], "decays_hz": []}}, "No event excites another"),
        (
            {"states": {**values()["states"], "factor": {"market_sell": None}}},
            "No group depends on the state of the book.",
        ),
    ],
)
def test_parts_that_the_model_does_not_have(changes: dict[str, Any], wanted: str) -> None:
    assert wanted in shown({**values(), **changes})


def test_without_observations_and_simulation() -> None:
    text = shown({**values(), "observed": None, "simulated_spread": None})
    assert "Markouts" not in text
    alone = shown({**values(), "simulated_spread": None})
    assert "simulated: share of time" not in alone


def test_too_few_orders_for_a_fill_rate_and_a_known_latency() -> None:
    changed = copy.deepcopy(values())
    changed["observed"]["fill_rate"] |= {"a_hz": estimate(None), "depth_ticks": []}
    changed["observed"]["queue_fills"]["edges_lots"] = []
    changed["observed"]["latency"] |= {"mu": estimate(1.5, 0.1), "sigma": estimate(0.6, 0.1)}
    changed["observed"]["latency"]["quantile_ms"] = [7.25]
    text = shown(changed)
    assert "Too few market orders" in text
    assert "latency, 50.0% quantile, ms</dt><dd>7.25" in text


def test_a_heat_map_is_darkest_where_the_value_is_largest() -> None:
    svg = HeatMap("t", "x", "y", ["a", "<"], ["r"], [[1.0, 3.0]]).svg()
    opacities = [float(found) for found in re.findall(r'fill-opacity="([\d.]+)"', svg)]
    assert opacities[1] == 0.75
    assert opacities[0] == pytest.approx(0.04 + 0.71 / 3, abs=1e-3)
    assert "&lt;" in svg
    assert ">3<" in svg
    holes = HeatMap("t", "x", "y", ["a", "b"], ["r"], [[None, 0.0]]).svg()
    assert holes.count("<rect") == 1
    assert HeatMap("t", "x", "y", ["a"], ["r"], [[None]]).svg() == "<p>No values.</p>"
    narrow = HeatMap("t", "x", "y", [str(i) for i in range(60)], ["r"], [[0.123] * 60]).svg()
    assert ">0.123<" not in narrow
