"""Published optimal values, reproduced to the digits they are printed with.

Each expectation carries its printed digits as a string; a computed value must round to it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from rlmm_tf.agents.baselines import (
    AvellanedaStoikov,
    DepthRule,
    ExactOptimum,
    FixedSpread,
    GlftAsymptotic,
    Symmetric,
)
from rlmm_tf.agents.exact.best_rule import best_constant, best_linear, best_regime_linear
from rlmm_tf.agents.exact.closed_form import base_depth, closed_form_at, solve_closed_form
from rlmm_tf.agents.exact.evaluation import evaluate, mean_pnl
from rlmm_tf.agents.exact.model import QuotingModel, stationary_law
from rlmm_tf.agents.exact.optimum import solve_continuous
from rlmm_tf.agents.exact.stepped import evaluate_bernoulli, evaluate_stepped
from rlmm_tf.agents.exact.stepped_optimum import solve_bernoulli, solve_stepped


def assert_prints(value: float, printed: str) -> None:
    """`value` rounds to `printed`, half a unit of the last digit allowed."""
    digits = len(printed.partition(".")[2])
    assert abs(value - float(printed)) <= 0.5001 * 10.0**-digits, (value, printed)


def cartea_jaimungal(
    horizon: float, rate: float, kappa: float, phi: float, alpha: float, cap: int
) -> QuotingModel:
    sigma = (1.0,)  # a risk-neutral value does not depend on it
    return QuotingModel(horizon, (rate,), (rate,), (kappa,), sigma, (phi,), alpha, cap)


def guilbaud(gamma: float, cap: int = 30) -> QuotingModel:
    """The market of Avellaneda and Stoikov's simulation."""
    model = QuotingModel(1.0, (140.0,), (140.0,), (1.5,), (2.0,), (0.0,), 0.0, cap)
    return replace(model, risk_aversion=gamma)


MODELS = {
    "P1": cartea_jaimungal(1.0, 10.0, 1.0, 0.5, 0.001, 20),
    "P2": cartea_jaimungal(1.0, 140.0, 1.5, 0.01, 0.001, 100),
    "P3": cartea_jaimungal(1.0, 100.0, 1.0, 0.01, 0.001, 100),
    "P4": cartea_jaimungal(1.0, 50.0, 2.0, 0.01, 0.001, 100),
    "P5": cartea_jaimungal(2.0, 50.0, 2.0, 0.01, 0.001, 100),
    "P6": cartea_jaimungal(1.0, 140.0, 1.5, 1.0, 0.1, 30),
    "P7": cartea_jaimungal(10.0, 50.0, 10.0, 0.05, 0.01, 3),
}
SWITCHING = ((0.0, 0.5), (1.0, 0.0))
R1 = QuotingModel(
    horizon_s=5.0,
    sell_rate_hz=(10.0, 30.0),
    buy_rate_hz=(10.0, 30.0),
    fill_decay=(1.5, 0.6),
    volatility=(1.0, 1.0),
    running_penalty=(0.2, 2.0),
    terminal_penalty=0.01,
    inventory_cap=15,
    switch_rates_hz=SWITCHING,
    initial_regime_probabilities=stationary_law(SWITCHING),
    depth_min=0.0,
)


@cache
def optimum(name: str) -> float:
    return solve_closed_form(MODELS[name]).start.at()


OPTIMA = {
    "P1": "6.38060",
    "P2": "68.25583",
    "P3": "73.22586",
    "P4": "18.21929",
    "P5": "36.32607",
    "P6": "62.77294",
    "P7": "33.01638",
}


@pytest.mark.parametrize(("name", "printed"), OPTIMA.items())
def test_optimum(name: str, printed: str) -> None:
    assert_prints(optimum(name), printed)


def test_optimum_averaged_over_starting_inventories() -> None:
    model = MODELS["P1"]
    free, capped = solve_closed_form(model).start, solve_continuous(replace(model, fill_cap=1.0))
    starts = range(-4, 5)
    assert_prints(float(np.mean([free.at(q) for q in starts])), "5.12064")
    assert_prints(float(np.mean([capped.start.at(q) for q in starts])), "5.10709")


@pytest.mark.parametrize(("name", "printed"), [("P1", "6.38049"), ("P6", "62.77272")])
def test_optimum_with_fill_probability_capped_is_that_with_depths_above_zero(
    name: str, printed: str
) -> None:
    capped = solve_continuous(replace(MODELS[name], fill_cap=1.0)).start.at()
    floored = solve_continuous(replace(MODELS[name], depth_min=0.0)).start.at()
    assert_prints(capped, printed)
    assert capped == pytest.approx(floored, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "value", "percent"),
    [
        ("P1", "5.51083", "86.4"),
        ("P2", "68.05279", "99.70"),
        ("P3", None, "99.88"),
        ("P4", None, "99.75"),
        ("P5", None, "99.04"),
        ("P6", "7.08595", "11.3"),
        ("P7", "29.566", "89.55"),
    ],
)
def test_constant_depth_of_one_over_kappa(name: str, value: str | None, percent: str) -> None:
    model = MODELS[name]
    computed = evaluate(model, FixedSpread(1.0 / model.fill_decay[0])).at()
    assert_prints(100.0 * computed / optimum(name), percent)
    if value is not None:
        assert_prints(computed, value)


@pytest.mark.parametrize(
    ("name", "value", "percent", "depth"),
    [
        ("P1", "5.72437", "89.7", "1.251"),
        ("P2", None, "99.71", None),
        ("P3", None, "99.88", None),
        ("P4", None, "99.75", None),
        ("P5", None, "99.07", None),
        ("P6", "27.91957", "44.5", None),
        ("P7", None, "89.55", None),
    ],
)
def test_best_constant(name: str, value: str | None, percent: str, depth: str | None) -> None:
    best = best_constant(MODELS[name])
    assert_prints(100.0 * best.value / optimum(name), percent)
    if value is not None:
        assert_prints(best.value, value)
    if depth is not None:
        assert_prints(best.rule.half_spread, depth)


@pytest.mark.parametrize(
    ("name", "value", "percent"),
    [
        ("P1", "6.32201", "99.08"),
        ("P2", None, "99.98"),
        ("P3", None, "99.99"),
        ("P4", None, "99.97"),
        ("P5", None, "99.95"),
        ("P6", "62.75646", "99.97"),
        ("P7", None, "99.93"),
    ],
)
def test_best_linear(name: str, value: str | None, percent: str) -> None:
    best = best_linear(MODELS[name])
    assert_prints(100.0 * best.value / optimum(name), percent)
    if value is not None:
        assert_prints(best.value, value)
    if name == "P1":
        assert_prints(best.rule.half_spread, "1.151")
        assert_prints(best.rule.skew_per_lot, "0.276")


@pytest.mark.parametrize(
    ("name", "time_left_s", "printed"),
    [
        ("P1", 1.0, "0.0603 0.4214 0.8043 1.1957 1.5786 1.9397 2.2718"),
        ("P1", 0.5, "0.1772 0.4997 0.8321 1.1679 1.5003 1.8228 2.1305"),
        ("P6", 1.0, "0.3751 0.4908 0.6079 0.7255 0.8425 0.9582 1.0715"),
        ("P6", 0.5, "0.3751 0.4908 0.6079 0.7255 0.8425 0.9582 1.0715"),
    ],
)
def test_optimal_depths(name: str, time_left_s: float, printed: str) -> None:
    _, bid, ask = closed_form_at(MODELS[name], time_left_s)
    cap = MODELS[name].inventory_cap
    for computed, digits in zip(bid[cap - 3 : cap + 4], printed.split(), strict=True):
        assert_prints(computed, digits)
    np.testing.assert_allclose(ask, bid[::-1], rtol=1e-9)


def test_regime_optimum_and_best_constant() -> None:
    best = solve_continuous(R1).start.at()
    constant = best_constant(R1).value
    assert_prints(best, "65.7774")
    assert_prints(constant, "12.38")
    assert_prints(100.0 * constant / best, "18.8")


def test_regime_linear_rules() -> None:
    # Printed for depths free to go negative where fills saturate; raised to 0 they earn more.
    capped = replace(R1, depth_min=-math.inf, fill_cap=1.0)
    best = solve_continuous(R1).start.at()
    blind, regime_linear = best_linear(capped).value, best_regime_linear(capped)
    aware = regime_linear.value
    assert_prints(blind, "59.92")
    assert_prints(100.0 * blind / best, "91.10")
    assert_prints(aware, "65.62")
    assert_prints(100.0 * aware / best, "99.77")
    assert best_linear(R1).value == pytest.approx(60.0574, abs=1e-4)
    assert evaluate(R1, regime_linear.rule, tolerance=1e-6).at() > aware


CARA = {0.01: "67.8457", 0.1: "64.1335", 0.5: "53.9246"}


@pytest.mark.parametrize(("gamma", "printed"), CARA.items())
def test_cara_optimum(gamma: float, printed: str) -> None:
    assert_prints(solve_closed_form(guilbaud(gamma)).start.at(), printed)


@pytest.mark.parametrize(
    ("gamma", "rule", "value", "percent"),
    [
        (0.01, AvellanedaStoikov, "67.778", "99.90"),
        (0.01, GlftAsymptotic, "67.783", "99.91"),
        (0.1, AvellanedaStoikov, "61.40", "95.7"),
        (0.1, GlftAsymptotic, "64.0675", "99.90"),
        (0.1, Symmetric, "39.86", "62.2"),
        (0.5, AvellanedaStoikov, "39.07", "72.4"),
        (0.5, GlftAsymptotic, "53.85", "99.86"),
    ],
)
def test_cara_rules(
    gamma: float,
    rule: type[AvellanedaStoikov | GlftAsymptotic | Symmetric],
    value: str,
    percent: str,
) -> None:
    model = guilbaud(gamma)
    computed = evaluate(model, rule.from_model(model)).at()
    assert_prints(computed, value)
    assert_prints(100.0 * computed / solve_closed_form(model).start.at(), percent)


@pytest.mark.parametrize(("gamma", "percent"), [(0.1, "95.67"), (0.5, "71.5")])
def test_cara_avellaneda_stoikov_with_fill_probability_capped(gamma: float, percent: str) -> None:
    model = replace(guilbaud(gamma), fill_cap=1.0)
    computed = evaluate(model, AvellanedaStoikov.from_model(model), tolerance=1e-6).at()
    assert_prints(100.0 * computed / solve_closed_form(guilbaud(gamma)).start.at(), percent)


def test_cara_rules_without_skew() -> None:
    # The two percentages of gamma = 0.01 are printed for an inventory that never meets the cap.
    for gamma, cap, symmetric, constant in (
        (0.01, 60, "99.37", "99.36"),
        (0.01, 30, "99.36", "99.34"),
        (0.1, 30, "62.2", "44.8"),
    ):
        model = guilbaud(gamma, cap)
        best = solve_closed_form(model).start.at()
        rules = (Symmetric.from_model(model), FixedSpread(base_depth(model)))
        for rule, percent in zip(rules, (symmetric, constant), strict=True):
            assert_prints(100.0 * evaluate(model, rule).at() / best, percent)
    model = guilbaud(0.1)
    assert_prints(evaluate(model, FixedSpread(base_depth(model))).at(), "28.74")


def test_cara_rules_without_skew_lose_money_at_high_risk_aversion() -> None:
    model = guilbaud(0.5, cap=10)
    rules: tuple[DepthRule, ...] = (Symmetric.from_model(model), FixedSpread(base_depth(model)))
    for rule in rules:
        assert evaluate(model, rule, tolerance=1e-6).at() < 0.0


def test_mean_pnl_of_avellaneda_stoikov() -> None:
    # Printed for an inventory that never meets the cap: the symmetric rule needs |q| up to 60.
    for gamma, rule, continuous in (
        (0.1, AvellanedaStoikov, "63.992"),
        (0.1, Symmetric, "68.026"),
        (0.01, AvellanedaStoikov, "68.312"),
    ):
        model = guilbaud(gamma, cap=60)
        assert_prints(mean_pnl(model, rule.from_model(model)).at(), continuous)


def test_mean_pnl_at_200_steps() -> None:
    # The symmetric row is printed as 68.021. Those of the skewed rule, 64.556 (gamma = 0.1) and
    # 68.240 (0.01), follow from neither simulator; these are the exact values of both.
    for gamma, rule, bernoulli, held in (
        (0.1, Symmetric, "68.021", "68.021"),
        (0.1, AvellanedaStoikov, "64.879", "63.406"),
        (0.01, AvellanedaStoikov, "68.400", "68.307"),
    ):
        model = replace(guilbaud(gamma, cap=45), fill_cap=1.0)
        market = model.without_penalties()
        quotes = rule.from_model(model)
        assert_prints(evaluate_bernoulli(market, quotes, 200).at(), bernoulli)
        assert_prints(evaluate_stepped(market, quotes, 200).at(), held)


def test_discrete_optimum_of_bernoulli_steps() -> None:
    model = replace(MODELS["P1"], fill_cap=1.0)
    table = solve_bernoulli(model, 100)
    assert_prints(table.start.at(), "6.39889")
    assert_prints(100.0 * (table.start.at() / optimum("P1") - 1.0), "0.29")
    replayed = evaluate_bernoulli(model, ExactOptimum(table), 100)
    np.testing.assert_allclose(replayed.value, table.start.value, rtol=1e-12)
    fast = solve_bernoulli(replace(MODELS["P6"], fill_cap=1.0), 1000).start.at()
    assert_prints(100.0 * (fast / optimum("P6") - 1.0), "0.42")


@pytest.mark.parametrize(
    ("name", "n_steps", "percent"), [("P1", 100, "-0.16"), ("P6", 1000, "-0.08")]
)
def test_discrete_optimum_of_held_quotes(name: str, n_steps: int, percent: str) -> None:
    model = replace(MODELS[name], fill_cap=1.0)
    table = solve_stepped(model, n_steps)
    replayed = evaluate_stepped(model, ExactOptimum(table), n_steps)
    np.testing.assert_allclose(replayed.value, table.start.value, rtol=1e-10)
    assert_prints(100.0 * (table.start.at() / optimum(name) - 1.0), percent)
