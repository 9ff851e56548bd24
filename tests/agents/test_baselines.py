"""Quoting rules by hand-worked numbers, and the adaptor against the rules it plays."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.agents.baselines import (
    ActionWriting,
    AffineRule,
    AvellanedaStoikov,
    CappedInventorySkew,
    DepthPolicy,
    DepthRule,
    ExactOptimum,
    FixedSpread,
    GlftAsymptotic,
    InventorySkew,
    ObservationReading,
    RandomDepths,
    RegimeLinear,
    Symmetric,
)
from rlmm_tf.agents.exact.closed_form import solve_closed_form
from rlmm_tf.agents.exact.model import QuotingModel
from rlmm_tf.agents.exact.optimum import solve_continuous

GAMMA = 0.1
MODEL = QuotingModel(1.0, (140.0,), (140.0,), (1.5,), (2.0,), (0.0,), 0.0, 30, risk_aversion=GAMMA)
SWITCHING = QuotingModel(
    horizon_s=2.0,
    sell_rate_hz=(5.0, 9.0),
    buy_rate_hz=(5.0, 9.0),
    fill_decay=(1.5, 0.6),
    volatility=(1.0, 1.0),
    running_penalty=(0.2, 1.0),
    terminal_penalty=0.01,
    inventory_cap=4,
    switch_rates_hz=((0.0, 0.5), (1.0, 0.0)),
    initial_regime_probabilities=(0.5, 0.5),
)
BASE = math.log(1.0 + GAMMA / 1.5) / GAMMA
TABLE = solve_closed_form(MODEL, n_steps=10)
AFFINE_RULES: list[DepthRule] = [
    FixedSpread(0.7),
    Symmetric.from_model(MODEL),
    InventorySkew(0.7, 0.1),
    CappedInventorySkew(0.7, 0.1, 0.2, 1.5),
    AvellanedaStoikov.from_model(MODEL),
    GlftAsymptotic.from_model(MODEL),
]
READING = ObservationReading(3, 1.0, 5, 30.0)
WRITING = ActionWriting(-0.5, 3.0)


def quote(
    rule: DepthRule, time_left_s: float, inventory: float, regime: int | None = None
) -> tuple[float, float]:
    known = None if regime is None else np.array([regime])
    bid, ask = rule.depths(np.array([time_left_s]), np.array([inventory]), known)
    return float(bid[0]), float(ask[0])


def observations(n_envs: int) -> NDArray[np.float32]:
    generator = np.random.default_rng(7)
    batch = generator.uniform(-1.0, 1.0, (n_envs, 24)).astype(np.float32)
    batch[:, READING.time_left_column] = generator.uniform(0.0, 1.0, n_envs)
    return batch


def kind(rule: DepthRule) -> str:
    return type(rule).__name__


# --- rules, worked by hand


def test_linear_rules() -> None:
    assert quote(FixedSpread(0.7), 0.3, -4) == (0.7, 0.7)
    assert quote(InventorySkew(0.5, 0.25), 0.3, 2) == (1.0, 0.0)
    assert quote(CappedInventorySkew(0.5, 0.25, 0.1, 0.9), 0.3, 2) == (0.9, 0.1)
    regimes = RegimeLinear((0.5, 1.0), (0.25, 0.5))
    assert quote(regimes, 0.3, 1, 0) == (0.75, 0.25)
    assert quote(regimes, 0.3, 1, 1) == (1.5, 0.5)


def test_avellaneda_stoikov_skews_around_the_reservation_price() -> None:
    # gamma sigma^2 tau = 0.1 * 4 * 0.5 = 0.2; r = S - 3 * 0.2; half spread = 0.1 + base.
    bid, ask = quote(AvellanedaStoikov.from_model(MODEL), 0.5, 3)
    assert bid == pytest.approx(0.6 + 0.1 + BASE)
    assert ask == pytest.approx(-0.6 + 0.1 + BASE)
    assert quote(Symmetric.from_model(MODEL), 0.5, 3) == pytest.approx((0.1 + BASE, 0.1 + BASE))


def test_glft_asymptotic_formula() -> None:
    # sqrt(sigma^2 gamma / (2 kappa A) (1 + gamma/kappa)^(1 + kappa/gamma))
    slope = math.sqrt(4.0 * GAMMA / (2 * 1.5 * 140.0) * (1 + GAMMA / 1.5) ** (1 + 1.5 / GAMMA))
    bid, ask = quote(GlftAsymptotic.from_model(MODEL), 0.5, 3)
    assert bid == pytest.approx(BASE + 3.5 * slope)
    assert ask == pytest.approx(BASE - 2.5 * slope)


def test_glft_asymptotic_is_the_optimum_far_from_the_end() -> None:
    rule = GlftAsymptotic.from_model(MODEL)
    middle = MODEL.inventory_cap
    for inventory in (-3, 0, 3):
        bid, _ = quote(rule, 1.0, inventory)
        assert bid == pytest.approx(TABLE.bid_depth[0, middle + inventory, 0], rel=0.02)


def test_exact_optimum_reads_its_table() -> None:
    rule = ExactOptimum(TABLE)
    middle = MODEL.inventory_cap
    for row in (0, 4, 10):
        bid, ask = quote(rule, 1.0 - row / 10, 2)
        assert bid == pytest.approx(TABLE.bid_depth[row, middle + 2, 0])
        assert ask == pytest.approx(TABLE.ask_depth[row, middle + 2, 0])
    between = 0.5 * (TABLE.bid_depth[9, middle, 0] + TABLE.bid_depth[10, middle, 0])
    assert quote(rule, 0.05, 0)[0] == pytest.approx(between)
    assert quote(rule, 5.0, 0)[0] == TABLE.bid_depth[0, middle, 0]  # before the start
    assert quote(rule, -1.0, 0)[0] == TABLE.bid_depth[10, middle, 0]  # after the end
    bid, ask = quote(rule, 0.52, 30)
    assert math.isinf(bid)
    assert math.isfinite(ask)
    assert quote(rule, 0.52, 99) == (bid, ask)  # clipped to the cap


def test_exact_optimum_needs_the_regime_where_there_are_two() -> None:
    table = solve_continuous(SWITCHING, n_steps=20)
    rule = ExactOptimum(table)
    assert quote(rule, 2.0, 1, 1)[0] == pytest.approx(table.bid_depth[0, 5, 1])
    for unaware in (rule, RegimeLinear((0.5, 1.0), (0.25, 0.5))):
        with pytest.raises(ValueError, match=r"regime: expected .*, got None"):
            quote(unaware, 1.0, 0)


def test_random_depths_are_drawn_anew_and_reproducible() -> None:
    draws = []
    for _ in range(2):
        rule = RandomDepths(0.5, 1.5, np.random.default_rng(3))
        zeros = np.zeros(1000)
        first, second = rule.depths(zeros, zeros, None), rule.depths(zeros, zeros, None)
        assert not np.array_equal(first[0], second[0])
        assert not np.array_equal(first[0], first[1])
        assert all(side.min() >= 0.5 and side.max() < 1.5 for side in (*first, *second))
        draws.append(first[0])
    np.testing.assert_array_equal(draws[0], draws[1])


@pytest.mark.parametrize("rule", AFFINE_RULES, ids=kind)
def test_rules_mirror(rule: DepthRule) -> None:
    time_left, inventory = np.linspace(0.0, 1.0, 7), np.arange(-3.0, 4.0)
    bid, ask = rule.depths(time_left, inventory, None)
    mirror_bid, mirror_ask = rule.depths(time_left, -inventory, None)
    np.testing.assert_allclose(bid, mirror_ask)
    np.testing.assert_allclose(ask, mirror_bid)


def test_a_closed_form_has_to_name_its_coefficients() -> None:
    class Nameless(AffineRule):
        pass

    with pytest.raises(TypeError, match=r"abstract .*affine"):
        Nameless()  # type: ignore[abstract]


def test_one_regime_needs_no_observation() -> None:
    one = RegimeLinear((0.5,), (0.25,))
    assert quote(one, 1.0, 2.0) == quote(InventorySkew(0.5, 0.25), 1.0, 2.0)


def test_bad_rules_are_named() -> None:
    neutral = QuotingModel(1.0, (9.0,), (5.0,), (1.5,), (2.0,), (0.1,), 0.0, 3)
    with pytest.raises(ValueError, match="risk_aversion: expected a number > 0"):
        AvellanedaStoikov.from_model(neutral)
    with pytest.raises(ValueError, match=r"buy_rate_hz: expected the sell rate 9\.0"):
        GlftAsymptotic.from_model(neutral)
    with pytest.raises(ValueError, match="depth_min: expected at most"):
        CappedInventorySkew(0.5, 0.1, 1.0, 0.5)
    with pytest.raises(ValueError, match="skew_per_lot: expected 2 numbers"):
        RegimeLinear((0.5, 0.6), (0.1,))


# --- the adaptor


@pytest.mark.parametrize(
    "rule",
    [*AFFINE_RULES, ExactOptimum(TABLE), RegimeLinear((0.7, 0.9), (0.1, 0.2))],
    ids=kind,
)
def test_policy_plays_its_rule(rule: DepthRule) -> None:
    batch = observations(500)
    batch[:, 8] = 0.0
    batch[:, 11] = 1.0
    batch[::3, 8], batch[::3, 11] = 1.0, 0.0
    reading = ObservationReading(3, 1.0, 5, 30.0, (8, 11))
    actions = DepthPolicy(rule, observation=reading, action=WRITING).act(batch)
    assert actions.dtype == np.float32
    assert actions.shape == (500, 2)
    regime = (np.arange(500) % 3 != 0).astype(np.int64)
    sides = rule.depths(batch[:, 3].astype(float), 30.0 * batch[:, 5].astype(float), regime)
    for column, depth in enumerate(sides):
        expected = np.clip(2.0 * (depth + 0.5) / 3.5 - 1.0, -1.0, 1.0)
        np.testing.assert_allclose(actions[:, column], expected, atol=2e-6)


def test_policy_writes_sizes_and_returns_a_new_array() -> None:
    action = ActionWriting(0.0, 2.0, n_actions=4, lots_action=-0.25)
    policy = DepthPolicy(InventorySkew(1.0, 0.1), observation=READING, action=action)
    first = policy.act(observations(5))
    kept = first.copy()
    policy.act(-observations(5))
    np.testing.assert_array_equal(first, kept)
    assert (first[:, 2:] == np.float32(-0.25)).all()
    assert policy.act(observations(3)).shape == (3, 4)


def test_policy_turns_no_quote_into_the_farthest_offset_and_keeps_nan() -> None:
    batch = np.zeros((2, 6), dtype=np.float32)
    batch[0, 5], batch[1, 5] = 1.0, math.nan
    policy = DepthPolicy(InventorySkew(0.5, 0.1), observation=READING, action=WRITING)
    assert np.isnan(policy.act(batch)[1]).all()
    exact = DepthPolicy(ExactOptimum(TABLE), observation=READING, action=WRITING)
    assert exact.act(batch[:1])[0, 0] == 1.0


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.zeros((4, 6)), "observations: expected a float32 array, got float64"),
        ([[0.0]], "observations: expected a float32 array, got list"),
        (np.zeros((4, 5), np.float32), r"observations: expected shape \(N, >= 6\), got \(4, 5\)"),
        (np.zeros(6, np.float32), r"observations: expected shape \(N, >= 6\), got \(6,\)"),
    ],
)
def test_policy_refuses_bad_observations(batch: NDArray[np.float32], message: str) -> None:
    policy = DepthPolicy(FixedSpread(0.5), observation=READING, action=WRITING)
    with pytest.raises(ValueError, match=message):
        policy.act(batch)


def test_bad_boxes_are_named() -> None:
    with pytest.raises(ValueError, match=r"offset_min: expected less than 1\.0"):
        ActionWriting(2.0, 1.0)
    with pytest.raises(ValueError, match="n_actions: expected 2 or 4, got 3"):
        ActionWriting(0.0, 1.0, n_actions=3)
    with pytest.raises(ValueError, match="lots_action: expected a number in"):
        ActionWriting(0.0, 1.0, lots_action=2.0)


GENERATOR = np.random.default_rng(0)
BAD_NUMBERS: list[tuple[Callable[[], object], str]] = [
    (lambda: FixedSpread("1"), "half_spread: expected a finite number, got '1'"),  # type: ignore[arg-type]
    (lambda: FixedSpread(math.nan), "half_spread: expected a finite number, got nan"),
    (lambda: FixedSpread(True), "half_spread: expected a finite number, got True"),
    (lambda: Symmetric(1.0, math.inf), "risk_variance: expected a finite number, got inf"),
    (lambda: InventorySkew(1.0, None), "skew_per_lot: expected a finite number, got None"),  # type: ignore[arg-type]
    (lambda: CappedInventorySkew(1.0, 0.1, 2.0, 1.0), "depth_min: expected at most depth_max 1.0"),
    (lambda: RegimeLinear((1.0, math.nan), (0.0, 0.0)), "half_spread: expected a tuple of finite"),
    (lambda: RegimeLinear((1.0,), 0.5), "skew_per_lot: expected a tuple of finite numbers, one"),  # type: ignore[arg-type]
    (lambda: RandomDepths(2, 1, GENERATOR), "depth_high: expected a finite number of at least dep"),
    (lambda: RandomDepths(math.nan, 1, GENERATOR), "depth_low: expected a finite number, got nan"),
    (lambda: RandomDepths(0, 1, 7), r"generator: expected a numpy\.random\.Generator, got 7"),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD_NUMBERS)
def test_bad_numbers_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        make()
