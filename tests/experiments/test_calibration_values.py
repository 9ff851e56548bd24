"""`rlmm calibrate` writes a page of what it found; the values behind it are plain and complete."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from calibration.activity import RegimeFit, whole_minutes
from calibration.artifact import load_market
from calibration.estimate import Estimate
from calibration.estimators.regime_factors import RegimeFactors
from calibration.estimators.regimes import Regimes
from calibration.fit import CalibratedMarket, Settings, calibrate
from calibration.observed import observe
from experiments import calibrate as command
from experiments.calibration_values import (
    calibration_values,
    plain,
    regime_of_rows,
    simulated_spread,
    with_observed,
)
from experiments.errors import InputError
from reports.calibration import calibration_page
from reports.page.page import render
from rlmm_tf.events import EventTable
from rlmm_tf.fields import NS_PER_S
from tests.calibration.markets import known_market, recorded


@pytest.fixture(scope="module")
def table() -> EventTable:
    return recorded(known_market(), 1500)


@pytest.fixture(scope="module")
def market(table: EventTable) -> CalibratedMarket:
    settings = Settings(
        decays_hz=(50.0, 1.0), regimes=1, season=False, match_rates=False, informed=False
    )
    found = calibrate([table], settings=settings)
    return with_observed(found, observe(found.parts.events, [table]))


def in_two_regimes(market: CalibratedMarket) -> CalibratedMarket:
    """The same, as if its second half had been wilder."""
    kept, starts = whole_minutes(market.parts.minutes)
    n = int(kept.sum())
    wild = (np.arange(n) >= n // 2).astype(float)
    pieces = np.split(np.stack([1 - wild, wild], axis=1), np.flatnonzero(starts[kept])[1:])

    def two(*values: float) -> Estimate:
        return Estimate(values, (0.1,) * len(values), n)

    chain = Regimes(
        bin_s=60.0,
        level=two(0.0, 1.0),
        deviation=two(0.5, 0.5),
        transition=two(0.9, 0.1, 0.1, 0.9),
        switch_rates_hz=two(0.0, 0.002, 0.002, 0.0),
        dwell_s=two(600.0, 600.0),
        stationary=(0.5, 0.5),
        occupancy=(0.5, 0.5),
        bic=((1, 100.0), (2, 50.0)),
        filtered=tuple(pieces),
        smoothed=tuple(pieces),
        converged=True,
    )
    factors = RegimeFactors((two(0.8, 1.2),) * 3, (1.0,) * 3, converged=True)
    fit = RegimeFit(chain, factors, market.parts.regimes.minute_factor, ())
    return replace(market, parts=replace(market.parts, regimes=fit))


def test_values_are_plain_and_the_page_shows_them(market: CalibratedMarket) -> None:
    simulated = simulated_spread(market.model, (1, 2, 3), seed=1, duration_ns=300 * NS_PER_S)
    values = calibration_values(market, ["day.parquet"], None, simulated)
    assert json.loads(json.dumps(values, allow_nan=False)) == values | {
        "activity": [list(pair) for pair in values["activity"]]
    }
    assert values["synthetic"]
    assert values["estimates"]["markouts"]["n"] > 100
    text = render(calibration_page(values))
    assert "Synthetic" in text
    assert market.model.market_hash() in text


def test_regimes_stand_over_the_price_path(market: CalibratedMarket, table: EventTable) -> None:
    two = in_two_regimes(market)
    regime, n = regime_of_rows(two)
    events = two.parts.events
    assert n == 2
    assert regime[0] == 0
    assert regime[-2] == 1
    assert regime_of_rows(market)[1] == 1
    observed = observe(events, [table], regime, n)
    values = calibration_values(two, ["day.parquet"], observed)
    (day,) = values["regimes"]["path"]
    assert len(day["hours"]) == len(day["mid"]) == len(day["filtered"])
    mids = [mid for mid in day["mid"] if mid is not None]
    prices = 0.5 * events.price_ticks.sum(axis=0)[events.counts]
    assert prices.min() <= min(mids) <= max(mids) <= prices.max()
    assert "probability of the wildest regime" in render(calibration_page(values))


def test_each_regime_is_simulated_by_itself() -> None:
    calm = known_market()
    groups = tuple(group.model_copy(update={"regime_factor": (0.4, 1.0)}) for group in calm.groups)
    two = calm.model_copy(
        update={
            "groups": groups,
            "switch_rates_hz": ((0.0, 0.01), (0.01, 0.0)),
            "initial_regime_probabilities": (0.5, 0.5),
        }
    )
    found = simulated_spread(two, (1, 2), seed=2, duration_ns=300 * NS_PER_S)
    events = [sum(kind["n"] for kind in part["by_kind"]) for part in found["regimes"]]
    assert events[1] > 2 * events[0] > 0


def test_plain_values() -> None:
    @dataclass(frozen=True)
    class Some:
        one: float
        many: tuple[float, ...]

    some = Some(float("nan"), (1.0, float("inf")))
    assert plain(some) == {"one": None, "many": [1.0, None]}
    assert plain(np.array([[1, 2]])) == [[1, 2]]
    assert plain(Estimate(1.0, 0.5, 3))["standard_error"] == 0.5
    assert plain(np.int64(3)) == 3


def test_the_command_writes_market_and_page(table: EventTable, tmp_path: Path) -> None:
    table.write(tmp_path / "day.parquet")
    out = tmp_path / "market.json"
    request = command.Request((tmp_path / "day.parquet",), out, regimes=1)
    told: list[str] = []
    values, market = command.run_calibrate(request, lambda _, __, text: told.append(text))
    assert values["html"] == str(tmp_path / "market.json.html")
    page = (tmp_path / "market.json.html").read_text()
    assert "simulated: share of time" in page
    model, section = load_market(out)
    assert model == market.model
    assert "fill_rate.k_per_tick" in section["estimates"]
    assert "simulated spreads" in told
    with pytest.raises(InputError) as refused:
        command.run_calibrate(request, lambda *_: None)
    assert [problem.where for problem in refused.value.problems] == ["--out", "--html"]
