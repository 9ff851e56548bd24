"""An agent in simulated markets: what his orders do to prices, and what he gains."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.fidelity import metaorders, probes
from calibration.fidelity.metaorders import SLICES, metaorder_impact
from calibration.fidelity.played import PlayedMarkets, wealth_ticks
from calibration.fidelity.probes import Probe, run_probes
from calibration.fidelity.trials import run_trials
from calibration.flow_events import read_flow
from rlmm_tf.market_presets import large_tick
from rlmm_tf.reference_markets import cont_stoikov_talreja
from tests.calibration.simulated_tables import table

THIN = cont_stoikov_talreja((2.0, 2.0, 2.0, 2.0), theta=0.5, mu=0.2)


def test_who_does_nothing_has_nothing_and_moves_nothing() -> None:
    markets = PlayedMarkets(THIN, 5, step_s=0.5, n_steps=10, seed=1)
    others = PlayedMarkets(THIN, 5, step_s=0.5, n_steps=10, seed=1)
    nothing = np.zeros((5, 2))
    for _ in range(10):
        sight = markets.step(nothing, nothing)
        np.testing.assert_array_equal(sight.mid_ticks, others.step(nothing, nothing).mid_ticks)
    assert (wealth_ticks(sight) == 0.0).all()
    assert sight.step == 10


def test_a_market_order_costs_half_the_spread_at_least() -> None:
    markets = PlayedMarkets(large_tick(), 50, step_s=0.01, n_steps=3, seed=1)
    spread = markets.sight.spread_ticks.copy()
    lots = np.zeros((50, 2))
    lots[:, 0] = 1.0
    sight = markets.step(np.full((50, 2), -float(markets.reach_ticks)), lots)
    assert (sight.inventory_lots == 1.0).all()
    calm = sight.spread_ticks == spread  # in so short a time, most
    assert calm.mean() > 0.5
    assert (wealth_ticks(sight)[calm] <= -spread[calm] / 2.0).mean() > 0.9


def test_large_orders_move_the_price_and_larger_ones_more() -> None:
    found = metaorder_impact(THIN, traded_lots_per_s=20.0, events_per_s=20.0, seed=2, pairs=60)
    assert found.duration_s == pytest.approx(500.0)
    assert found.lots == (100, 200, 500, 1000)
    peak = found.path_ticks[:, SLICES - 1]
    assert (peak[1:] > peak[:-1]).all()
    assert peak[0] > 3.0 * found.standard_error_ticks[0, SLICES - 1]
    assert found.exponent_interval[0] <= found.exponent <= found.exponent_interval[1]
    again = metaorder_impact(THIN, traded_lots_per_s=20.0, events_per_s=20.0, seed=2, pairs=60)
    np.testing.assert_array_equal(found.path_ticks, again.path_ticks)


def test_orders_that_move_nothing_have_no_law() -> None:
    """A market so deep that nobody notices them."""
    deep = cont_stoikov_talreja((400.0, 400.0), theta=0.01, mu=0.01)
    found = metaorder_impact(deep, traded_lots_per_s=0.02, events_per_s=500.0, seed=1, pairs=3)
    assert (found.path_ticks == 0.0).all()
    assert np.isnan([found.exponent, found.relaxation, *found.exponent_interval]).all()


def test_the_law_of_impact() -> None:
    lots = (100, 200, 400, 800)
    path = np.zeros((4, 2 * SLICES))
    path[:, SLICES - 1] = np.sqrt(lots)
    path[:, -1] = 0.4 * np.sqrt(lots)
    exponent, relaxation = metaorders._law(path, lots)
    assert exponent == pytest.approx(0.5)
    assert relaxation == pytest.approx(0.6)
    path[1, SLICES - 1] = -1.0
    assert np.isnan(metaorders._law(path, lots)).all()


def test_what_pays_is_told_from_luck() -> None:
    assert Probe("x", 0.3, 0.1, 100).pays
    assert not Probe("x", 0.2, 0.1, 100).pays
    assert not Probe("x", -0.3, 0.1, 100).pays


def test_strategies() -> None:
    found = {
        probe.name: probe
        for probe in run_probes(
            THIN, unit_lots=1, events_per_s=20.0, seed=3, episodes=40, n_steps=60
        )
    }
    assert set(found) == set(probes.STRATEGIES)
    # A pair of market orders costs about a spread.
    assert found["ping-pong of market orders"].mean < -25.0
    ignition = found["momentum ignition"]
    assert ignition.mean < -4.0 * ignition.standard_error < 0.0
    assert not found["ping-pong of market orders"].pays


def test_trials_take_their_sizes_from_the_recording() -> None:
    flow = read_flow([table("book-large-tick", 300)])
    trials = run_trials(large_tick(), flow, seed=1, pairs=4, episodes=4)
    assert trials is not None
    lots = flow.lots[flow.counted & (flow.group < 2)]
    events_per_s = flow.counted.sum() / flow.seconds.sum()
    seconds = min(600.0, 10_000 / events_per_s)
    volume = lots.sum() / flow.seconds.sum() * seconds
    assert trials.metaorders.lots[-1] == round(0.1 * volume)
    assert [probe.episodes for probe in trials.probes] == [4] * len(probes.STRATEGIES)
    flow.group[flow.group < 2] = 6
    assert run_trials(large_tick(), flow, seed=1, pairs=4, episodes=4) is None
