"""The exact solvers against each other, against a slow simulation, and against bad input."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmm_tf.agents.baselines import (
    AvellanedaStoikov,
    DepthRule,
    Depths,
    ExactOptimum,
    FixedSpread,
    InventorySkew,
    RegimeLinear,
)
from rlmm_tf.agents.exact.closed_form import closed_form_at, solve_closed_form
from rlmm_tf.agents.exact.evaluation import evaluate
from rlmm_tf.agents.exact.model import Floats, QuotingModel, stationary_law
from rlmm_tf.agents.exact.optimum import solve_continuous
from rlmm_tf.agents.exact.problem import quoting_model
from rlmm_tf.agents.exact.stepped import evaluate_bernoulli, evaluate_stepped
from rlmm_tf.agents.exact.stepped_optimum import solve_bernoulli, solve_stepped
from rlmm_tf.presets import preset

P1 = QuotingModel(1.0, (10.0,), (10.0,), (1.0,), (0.1,), (0.5,), 0.001, 20)
SMALL = QuotingModel(1.0, (8.0,), (5.0,), (1.2,), (0.7,), (0.3,), 0.05, 3)
SWITCHING = ((0.0, 1.5), (2.5, 0.0))
TWO_REGIMES = QuotingModel(
    horizon_s=1.0,
    sell_rate_hz=(6.0, 14.0),
    buy_rate_hz=(9.0, 11.0),
    fill_decay=(1.5, 0.8),
    volatility=(0.5, 0.5),
    running_penalty=(0.2, 0.6),
    terminal_penalty=0.05,
    inventory_cap=3,
    switch_rates_hz=SWITCHING,
    initial_regime_probabilities=stationary_law(SWITCHING),
    fill_cap=1.0,
)
RULE = RegimeLinear((0.7, 1.1), (0.2, 0.35))


# --- solvers against each other


@pytest.mark.parametrize("gamma", [0.0, 0.05, 0.8])
def test_matrix_exponential_hjb_and_policy_evaluation_agree(gamma: float) -> None:
    model = replace(SMALL, risk_aversion=gamma)
    table = solve_closed_form(model, n_steps=500)
    hjb = solve_continuous(model, n_steps=500)
    np.testing.assert_allclose(hjb.value, table.value, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(hjb.bid_depth, table.bid_depth, rtol=1e-6)
    value = evaluate(model, ExactOptimum(table), tolerance=1e-6).value
    np.testing.assert_allclose(value, table.value[0], rtol=1e-5, atol=1e-5)


def test_closed_form_at_any_time_equals_its_grid() -> None:
    table = solve_closed_form(P1, n_steps=8)
    for row in (0, 3, 8):
        value, bid, ask = closed_form_at(P1, 1.0 - row / 8)
        np.testing.assert_allclose(value, table.value[row, :, 0], atol=1e-12)
        np.testing.assert_allclose(bid, table.bid_depth[row, :, 0], atol=1e-12)
        np.testing.assert_allclose(ask, table.ask_depth[row, :, 0], atol=1e-12)


def test_equal_regimes_are_one_regime() -> None:
    double = replace(
        SMALL,
        sell_rate_hz=SMALL.sell_rate_hz * 2,
        buy_rate_hz=SMALL.buy_rate_hz * 2,
        fill_decay=SMALL.fill_decay * 2,
        volatility=SMALL.volatility * 2,
        running_penalty=SMALL.running_penalty * 2,
        switch_rates_hz=SWITCHING,
        initial_regime_probabilities=(0.3, 0.7),
    )
    one = solve_closed_form(SMALL).value[0]
    two = solve_continuous(double).value[0]
    np.testing.assert_allclose(two, np.repeat(one, 2, axis=1), rtol=1e-7)
    rule = InventorySkew(0.8, 0.2)
    for risk_aversion in (0.0, 0.4):
        single, pair = (replace(m, risk_aversion=risk_aversion) for m in (SMALL, double))
        for evaluator in (
            evaluate,
            lambda m, r: evaluate_stepped(m, r, 10),
            lambda m, r: evaluate_bernoulli(m, r, 40),
        ):
            assert evaluator(pair, rule).at(1) == pytest.approx(
                evaluator(single, rule).at(1), rel=1e-9
            )


def test_tolerance_is_met() -> None:
    # A hand-made reference: dense Radau at 4096 steps is exact to rounding.
    rule = InventorySkew(1.1, 0.3)
    exact = evaluate(P1, rule, n_steps_min=2048)
    for tolerance in (1e-4, 1e-6, 1e-8):
        rough = evaluate(P1, rule, tolerance=tolerance, n_steps_min=2)
        scale = np.maximum(np.abs(exact.value), 1.0)
        assert np.abs((rough.value - exact.value) / scale).max() <= tolerance


def test_a_huge_fill_rate_is_handled() -> None:
    """At gamma = 0.5 an uncapped quote 60 inside the mid fills e^90 times per second."""
    model = QuotingModel(1.0, (140.0,), (140.0,), (1.5,), (2.0,), (0.0,), 0.0, 30)
    model = replace(model, risk_aversion=0.5)
    rule = AvellanedaStoikov.from_model(model)
    wide = evaluate(model, rule)
    narrow = evaluate(replace(model, inventory_cap=12), rule)
    assert np.isfinite(wide.value).all()
    assert wide.at() == pytest.approx(narrow.at(), rel=1e-9)


def test_cara_tends_to_risk_neutral() -> None:
    nearly = replace(SMALL, risk_aversion=1e-4)
    rule = InventorySkew(0.8, 0.2)

    def values(model: QuotingModel) -> list[float]:
        return [
            evaluate(model, rule, tolerance=1e-6).at(),
            evaluate_stepped(model, rule, 10).at(),
            evaluate_bernoulli(model, rule, 40).at(),
            solve_closed_form(model).start.at(),
        ]

    assert values(nearly) == pytest.approx(values(SMALL), rel=1e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.4])
def test_stepped_values_tend_to_the_continuous_one(gamma: float) -> None:
    model = replace(TWO_REGIMES, risk_aversion=gamma)
    exact = evaluate(model, RULE).at()
    for evaluator in (evaluate_stepped, evaluate_bernoulli):
        errors = [abs(evaluator(model, RULE, n).at() - exact) for n in (50, 100, 200)]
        assert errors[2] < 0.01 * abs(exact)
        for coarse, fine in pairwise(errors):
            assert coarse / fine == pytest.approx(2.0, rel=0.15)  # first order in the step


def test_stepped_optima_tend_to_the_continuous_one() -> None:
    exact = solve_continuous(TWO_REGIMES).start.at()
    for solver in (solve_stepped, solve_bernoulli):
        errors = [abs(solver(TWO_REGIMES, n).start.at() - exact) for n in (16, 32)]
        assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.2)


def test_stepped_optimum_where_regimes_want_different_depths() -> None:
    """A deep quote of the steep regime fills mostly after a switch to the flat one."""
    steep_and_flat = replace(
        TWO_REGIMES, running_penalty=(0.2, 2.0), fill_decay=(1.5, 0.6), inventory_cap=10
    )
    table = solve_stepped(steep_and_flat, 20)
    replayed = evaluate_stepped(steep_and_flat, ExactOptimum(table), 20)
    np.testing.assert_allclose(replayed.value, table.value[0], rtol=1e-9)
    assert table.start.at() < solve_continuous(steep_and_flat).start.at()


def test_stepped_optimum_where_one_of_two_local_optima_ceases_to_be() -> None:
    """R1's quotes far from the mid, some 830 of its short steps before the end."""
    whole = quoting_model(preset("R1"))
    model = replace(whole, horizon_s=whole.horizon_s * 840 / 5000)
    table = solve_stepped(model, 840)
    replayed = evaluate_stepped(model, ExactOptimum(table), 840)
    np.testing.assert_allclose(replayed.value, table.value[0], rtol=1e-9)


def test_a_quote_held_all_episode_is_the_continuous_constant_quote() -> None:
    rule = FixedSpread(0.9)
    for gamma in (0.0, 0.4):
        # Without a moving mid: else the fixed limit prices and the moving ones differ.
        model = replace(SMALL, volatility=(0.0,), risk_aversion=gamma)
        exact = evaluate(model, rule).value
        np.testing.assert_allclose(evaluate_stepped(model, rule, 1).value, exact, rtol=1e-8)


# --- a slow, obvious twin


def simulate(
    model: QuotingModel, rule: DepthRule, n_steps: int, n_episodes: int, rng: np.random.Generator
) -> list[float]:
    """Y of episodes played event by event, from zero inventory and a drawn regime."""
    step_s = model.horizon_s / n_steps
    regimes = np.arange(model.n_regimes)
    outcomes = []
    for _ in range(n_episodes):
        cash, mid, inventory, penalty = 0.0, 100.0, 0, 0.0
        regime = int(rng.choice(regimes, p=model.initial_regime_probabilities))
        for step in range(n_steps):
            arrays = (np.array([model.horizon_s - step * step_s]), np.array([float(inventory)]))
            bid, ask = (float(d[0]) for d in rule.depths(*arrays, np.array([regime])))
            clock, mid_move = 0.0, 0.0
            while True:
                kappa = model.fill_decay[regime]
                sell = model.sell_rate_hz[regime] * min(model.fill_cap, math.exp(-kappa * bid))
                buy = model.buy_rate_hz[regime] * min(model.fill_cap, math.exp(-kappa * ask))
                rates = np.array([sell, buy, *model.switch_rates_hz[regime]])
                wait = min(rng.exponential(1.0 / rates.sum()), step_s - clock)
                clock += wait
                penalty += model.running_penalty[regime] * inventory**2 * wait
                mid_move += model.volatility[regime] * math.sqrt(wait) * rng.normal()
                if clock >= step_s:
                    break
                event = int(rng.choice(len(rates), p=rates / rates.sum()))
                if event == 0 and inventory < model.inventory_cap:
                    inventory, cash = inventory + 1, cash - (mid - bid)
                elif event == 1 and inventory > -model.inventory_cap:
                    inventory, cash = inventory - 1, cash + (mid + ask)
                elif event > 1:
                    regime = event - 2
            mid += mid_move
        worth = cash + inventory * mid - model.terminal_penalty * inventory**2
        outcomes.append(worth - penalty)
    return outcomes


@pytest.mark.parametrize("inventory_cap", [1, 3])
def test_stepped_values_agree_with_simulation(inventory_cap: int) -> None:
    model = replace(TWO_REGIMES, inventory_cap=inventory_cap)
    sample = np.array(simulate(model, RULE, 5, 3000, np.random.default_rng(20240501)))
    gamma = 0.6
    utilities = np.exp(-gamma * sample)
    neutral = evaluate_stepped(model, RULE, 5).at()
    averse = evaluate_stepped(replace(model, risk_aversion=gamma), RULE, 5).at()
    for draws, exact in ((sample, neutral), (utilities, math.exp(-gamma * averse))):
        half_width = 2.576 * draws.std(ddof=1) / math.sqrt(len(draws))
        assert abs(draws.mean() - exact) <= half_width
    # The interval is narrow enough to tell the held quote from the continuous one.
    tight = 2.576 * sample.std(ddof=1) / math.sqrt(len(sample))
    assert tight < abs(evaluate(model, RULE).at() - neutral) or inventory_cap == 1


# --- properties


@st.composite
def markets(draw: st.DrawFn) -> QuotingModel:
    def number(low: float, high: float) -> float:
        return draw(st.floats(low, high))

    return QuotingModel(
        horizon_s=number(0.2, 2.0),
        sell_rate_hz=(number(1.0, 20.0),),
        buy_rate_hz=(number(1.0, 20.0),),
        fill_decay=(number(0.5, 3.0),),
        volatility=(number(0.0, 1.0),),
        running_penalty=(number(0.0, 1.0),),
        terminal_penalty=number(0.0, 0.2),
        inventory_cap=draw(st.integers(1, 5)),
        risk_aversion=draw(st.sampled_from([0.0, 0.3])),
    )


@settings(max_examples=25, deadline=None)
@given(markets())
def test_optimum_mirrors_and_leans_against_inventory(model: QuotingModel) -> None:
    table = solve_closed_form(model, n_steps=4)
    swapped = replace(model, sell_rate_hz=model.buy_rate_hz, buy_rate_hz=model.sell_rate_hz)
    mirror = solve_closed_form(swapped, n_steps=4)
    np.testing.assert_allclose(mirror.value, table.value[:, ::-1], atol=1e-9)
    np.testing.assert_allclose(mirror.ask_depth, table.bid_depth[:, ::-1], atol=1e-9)
    assert (np.diff(table.bid_depth[:, :-1], axis=1) >= -1e-9).all()
    assert (np.diff(table.ask_depth[:, 1:], axis=1) <= 1e-9).all()


@settings(max_examples=15, deadline=None)
@given(markets(), st.floats(0.0, 3.0), st.floats(-0.2, 0.8))
def test_no_rule_beats_the_optimum(model: QuotingModel, half: float, skew: float) -> None:
    model = replace(model, fill_cap=1.0)
    rule = InventorySkew(half, skew)
    slack = 1e-6
    best = solve_continuous(model, n_steps=4).value[0]
    assert (evaluate(model, rule, tolerance=1e-6).value <= best + slack).all()
    neutral = replace(model, risk_aversion=0.0)
    n_steps = 50
    single = solve_bernoulli(neutral, n_steps).value[0]
    assert (evaluate_bernoulli(neutral, rule, n_steps).value <= single + slack).all()


@settings(max_examples=6, deadline=None)
@given(markets(), st.floats(0.0, 3.0), st.floats(-0.2, 0.8))
def test_no_held_rule_beats_the_held_optimum(model: QuotingModel, half: float, skew: float) -> None:
    """With few steps, many fills happen inside one and the two sides interact strongly."""
    model = replace(model, fill_cap=1.0, risk_aversion=0.0)
    rule = InventorySkew(half, skew)
    best = solve_stepped(model, 3).value[0]
    assert (evaluate_stepped(model, rule, 3).value <= best + 1e-9).all()


@settings(max_examples=10, deadline=None)
@given(markets(), st.floats(0.0, 2.0), st.floats(0.0, 0.6))
def test_values_mirror(model: QuotingModel, half: float, skew: float) -> None:
    rule = InventorySkew(half, skew)
    model = replace(model, fill_cap=1.0)
    swapped = replace(model, sell_rate_hz=model.buy_rate_hz, buy_rate_hz=model.sell_rate_hz)
    for evaluator in (evaluate_stepped, evaluate_bernoulli):
        value, mirror = (evaluator(m, rule, 40).value for m in (model, swapped))
        np.testing.assert_allclose(mirror, value[::-1], atol=1e-9)


# --- power law and refusals


def test_power_law_optimum_beats_every_constant() -> None:
    model = replace(SMALL, fill_law="power", fill_power=3.0)
    best = solve_continuous(model, n_steps=400)
    replayed = evaluate(model, ExactOptimum(best), tolerance=1e-5).value
    np.testing.assert_allclose(replayed, best.value[0], rtol=1e-4)
    for depth in (0.1, 0.4, 0.8, 1.5):
        assert evaluate(model, FixedSpread(depth)).at() < best.start.at()
    one = QuotingModel(1.0, (8.0,), (8.0,), (1.2,), (0.0,), (0.0,), 0.0, 200)
    one = replace(one, fill_law="power", fill_power=3.0)
    # No penalty, no cap in reach: 2 lambda T d (1 + kappa d)^-p, by hand.
    by_hand = 2 * 8.0 * 0.5 * (1 + 1.2 * 0.5) ** -3
    assert evaluate(one, FixedSpread(0.5)).at() == pytest.approx(by_hand, rel=1e-8)


def test_closed_forms_refuse_what_they_do_not_cover() -> None:
    power = replace(P1, fill_law="power", fill_power=2.0)
    for model, name in (
        (power, "fill_law"),
        (replace(P1, fill_cap=1.0), "fill_cap"),
        (replace(P1, depth_min=0.0), "depth_min"),
        (TWO_REGIMES, "n_regimes"),
    ):
        with pytest.raises(ValueError, match=f"{name}: expected .*, got .*use optimum"):
            solve_closed_form(model)
    with pytest.raises(ValueError, match="fill_law: expected 'exponential'"):
        solve_stepped(power, 10)
    with pytest.raises(ValueError, match="risk_aversion: expected 0"):
        solve_bernoulli(replace(P1, risk_aversion=0.1), 10)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("horizon_s", 0.0),
        ("sell_rate_hz", (1.0, 2.0)),
        ("buy_rate_hz", (-1.0,)),
        ("fill_decay", (0.0,)),
        ("volatility", (math.nan,)),
        ("running_penalty", 0.5),
        ("terminal_penalty", -1.0),
        ("inventory_cap", 0),
        ("switch_rates_hz", ((1.0,),)),
        ("initial_regime_probabilities", (0.5,)),
        ("risk_aversion", math.inf),
        ("fill_cap", 0.5),
        ("fill_power", 2.0),
        ("horizon_s", "1"),
        ("horizon_s", True),
        ("sell_rate_hz", (None,)),
        ("switch_rates_hz", 0.0),
        ("switch_rates_hz", (0.0,)),
        ("initial_regime_probabilities", 1.0),
        ("inventory_cap", 2.5),
        ("inventory_cap", True),
        ("fill_cap", "inf"),
        ("depth_min", math.nan),
        ("fill_law", "linear"),
    ],
)
def test_bad_fields_are_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field}: expected .*, got "):
        replace(P1, **{field: value})  # type: ignore[arg-type]


class Nowhere:
    """A rule of somebody else's that does not know where to quote."""

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Any) -> Depths:
        return time_left_s * math.nan, inventory_lots * math.nan


@pytest.mark.parametrize("n_steps", [1.5, 0, True, "3", None])
@pytest.mark.parametrize("solve", [solve_closed_form, solve_continuous, solve_stepped])
def test_steps_are_counted(solve: Any, n_steps: Any) -> None:
    with pytest.raises(ValueError, match=rf"^n_steps: expected an integer >= 1, got {n_steps!r}$"):
        solve(P1, n_steps)
    with pytest.raises(ValueError, match=r"^n_steps: expected an integer >= 1, got "):
        evaluate_stepped(P1, FixedSpread(1.0), n_steps)


def test_bad_evaluations_are_named() -> None:
    with pytest.raises(ValueError, match="fill probability per step: expected at most 1"):
        evaluate_bernoulli(P1, FixedSpread(0.0), 5)
    with pytest.raises(ValueError, match="fill rate x step"):
        evaluate_stepped(P1, FixedSpread(-9.0), 5)
    uneven = replace(TWO_REGIMES, volatility=(0.5, 1.0), risk_aversion=0.1)
    with pytest.raises(ValueError, match="volatility: expected one value"):
        evaluate_stepped(uneven, RULE, 5)
    with pytest.raises(ValueError, match="bid depth: expected numbers"):
        evaluate(P1, Nowhere())
    with pytest.raises(ArithmeticError, match="expected a change below"):
        evaluate(P1, FixedSpread(1.0), tolerance=1e-15, n_steps_min=1, n_steps_max=8)
    with pytest.raises(ValueError, match="switch_rates_hz: expected a chain"):
        stationary_law(((0.0, 0.0), (0.0, 0.0)))
    with pytest.raises(ValueError, match="inventory_lots: expected within"):
        solve_closed_form(P1, n_steps=1).start.at(21)
    steep = replace(P1, risk_aversion=60.0, terminal_penalty=1.0, running_penalty=(0.0,))
    with pytest.raises(ArithmeticError, match="overflow"):
        evaluate_stepped(steep, FixedSpread(1.0), 5)
