"""Baselines in any market: what is measured is what is there, and tuning chooses the best."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rlmm_tf.agents.baselines import FixedSpread
from rlmm_tf.evaluation.baselines import (
    BASELINES,
    FAMILIES,
    Measured,
    measure,
    quoting_model,
    rule_player,
    tune,
)
from rlmm_tf.evaluation.play import play
from rlmm_tf.presets import preset, resolve_params
from tests.evaluation.problems import small_problem

TUNING = np.random.SeedSequence(7)


def test_the_textbooks_market_is_found_again() -> None:
    """P1: A = 10 per second, kappa = 1 and sigma = 0.1 per price unit of 10^4 ticks.

    A quote that is filled is back at the next decision (0.01 s): that is the bias of A.
    """
    measured = measure(preset("P1"), episodes=400, seed=np.random.SeedSequence(1))
    assert measured.fill_rate_hz == pytest.approx(10.0, rel=0.06)
    assert measured.fill_decay_per_tick * 1e4 == pytest.approx(1.0, rel=0.04)
    assert measured.volatility_ticks / 1e4 == pytest.approx(0.1, rel=0.01)
    assert len(measured.offset_ticks) == len(measured.filled_hz) == 12


def test_a_small_cap_does_not_look_like_few_fills() -> None:
    params = resolve_params("P1", {"limits": {"inventory_cap_lots": 1}})
    measured = measure(params, episodes=400, seed=np.random.SeedSequence(1))
    assert measured.fill_rate_hz == pytest.approx(10.0, rel=0.06)


def test_a_market_in_which_nothing_fills_is_refused() -> None:
    far = resolve_params(
        small_problem(), {"action": {"offset_min_ticks": 400, "offset_max_ticks": 420}}
    )
    with pytest.raises(ValueError, match="expected distances at which a quote is filled, got none"):
        measure(far, episodes=2, seed=TUNING)


MEASURED = Measured(1.6, 0.05, 0.2, (0, 6, 12), (0.05, 0.02, 0.005))


@pytest.mark.parametrize("name", FAMILIES)
def test_tuning_chooses_the_best_of_its_family(name: str) -> None:
    params = small_problem()
    count = [0]
    tuned = tune(
        name, params, MEASURED, episodes=8, seed=TUNING,
        tried=lambda: count.__setitem__(0, count[0] + 1),
    )  # fmt: skip
    rules = list(FAMILIES[name](params, MEASURED))
    means = [
        play(rule_player(name, params, rule), episodes=8, seed=TUNING)[0]["reward"].mean()
        for rule in rules
    ]
    assert tuned.tried == count[0] == len(rules) > 1
    assert tuned.mean_reward == max(means)
    assert tuned.rule == repr(rules[int(np.argmax(means))])
    again, _ = play(tuned.player, episodes=8, seed=TUNING)
    assert again["reward"].mean() == max(means)


def test_a_random_rule_draws_the_same_again() -> None:
    tuned = tune("random", small_problem(), MEASURED, episodes=4, seed=TUNING)
    assert (tuned.tried, math.isnan(tuned.mean_reward)) == (0, True)
    one, two = (play(tuned.player, episodes=4, seed=TUNING)[0] for _ in range(2))
    np.testing.assert_array_equal(one["reward"], two["reward"])
    assert set(BASELINES) == {"random", *FAMILIES}


def test_a_quote_is_the_unit_of_closed_forms() -> None:
    params = small_problem(action={"lots_max": 50}, limits={"inventory_cap_lots": 260})
    model = quoting_model(params, MEASURED, 0.01)
    assert (model.inventory_cap, model.volatility, model.fill_decay) == (5, (1.6,), (0.2,))
    assert (model.sell_rate_hz, model.buy_rate_hz) == ((0.05,), (0.05,))
    assert model.horizon_s == params.episode.horizon_s


def test_a_rule_in_ticks_quotes_those_ticks() -> None:
    params = small_problem(action={"kind": "multidiscrete", "withdraw_choice": True})
    player = rule_player("fixed", params, FixedSpread(7.0))
    _, trace = play(player, episodes=2, seed=TUNING, traced=2)
    assert (trace["bid_offset_ticks"] == 7.0).all()
    assert (trace["ask_offset_ticks"] == 7.0).all()
    assert (trace["bid_lots"] == params.action.lots_max).all()
