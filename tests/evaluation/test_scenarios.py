"""Scenarios: each moves what it names, and nothing before its start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.env import aligned_empty, make_batch, observation_layout, output_arrays
from rlmm_tf.env.engine import AGENT_EVENTS, COLUMN_INDEX
from rlmm_tf.evaluation.play import Trace, play
from rlmm_tf.evaluation.scenarios import (
    LASTING_SHARE,
    SCENARIOS,
    SEVERITIES,
    START_SHARE,
    CannotStressError,
    Change,
    Market,
    Scenario,
    own_scenario,
    scenario,
    setting_name,
)
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset, resolve_params
from rlmm_tf.seeding import environment_keys
from tests.evaluation.problems import skewed

EPISODES = 16
STEPS = 60
START = round(START_SHARE * STEPS)
END = START + round(LASTING_SHARE * STEPS)


def problem(name: str = "book-small-tick") -> EnvParams:
    """An episode of ten minutes, quickly begun, with something to see and to pay."""
    return resolve_params(
        name,
        {
            "market": {"warmup_ns": 60_000_000_000},
            "episode": {"n_steps": STEPS, "step_ns": 10_000_000_000},
            "observation": {
                "features": ("time_left", "inventory", "bid_depth", "ask_depth"),
                "levels": 1,
                "clip": 1e6,
            },
        },
    )


def traced(params: EnvParams) -> Trace:
    half = 0.6 * params.market.model.typical.spread_ticks  # type: ignore[union-attr]
    player = skewed(params, half, 0.1 * half)
    return play(player, episodes=EPISODES, seed=np.random.SeedSequence(2), traced=EPISODES)[1]


@pytest.fixture(scope="module")
def calm() -> Trace:
    return traced(problem())


def stressed(name: str, severity: int) -> Trace:
    return traced(SCENARIOS[name].applied(problem(), severity))


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_happens_before_the_start(name: str, calm: Trace) -> None:
    for severity in (1, 3):
        trace = stressed(name, severity)
        before = trace.columns[:, :START].copy()
        wanted = calm.columns[:, :START].copy()
        if name == "fee_change":  # fees, and what is made of them, are others from the beginning
            for column in ("fees", "pnl_fees", "term_pnl", "term_dampened_pnl", "reward"):
                before[:, :, COLUMN_INDEX[column]] = wanted[:, :, COLUMN_INDEX[column]]
        np.testing.assert_array_equal(before, wanted)
        assert (trace.columns[:, START:] != calm.columns[:, START:]).any()


def during(trace: Trace, name: str) -> float:
    """Mean over the time that scenarios last."""
    return float(trace[name][:, START:END].mean())


def volatility(trace: Trace) -> float:
    return float(np.diff(trace["mid_ticks_x2"][:, START:END], axis=1).std())


def fall(trace: Trace) -> float:
    """Ticks from the start to the lowest mid while it lasts."""
    mid = trace["mid_ticks_x2"][:, START - 1 : END] / 2
    return float((mid[:, 0] - mid.min(axis=1)).mean())


def unfilled(trace: Trace) -> float:
    """Minus what is bought and sold: falls when nothing trades or nothing is heard."""
    return -during(trace, "fills_maker_lots_bid") - during(trace, "fills_maker_lots_ask")


def sweep(trace: Trace) -> float:
    """Of the mid in the few steps with large market orders."""
    mid = trace["mid_ticks_x2"][:, START - 1 : START + 3] / 2
    return float(np.abs(np.diff(mid, axis=1)).mean())


def paid(trace: Trace) -> float:
    lots = trace["fills_maker_lots_bid"] + trace["fills_maker_lots_ask"]
    return float(-trace["pnl_fees"].sum() / lots.sum())


MOVES: dict[str, Callable[[Trace], float]] = {
    "volatility_spike": volatility,
    "liquidity_drought": lambda trace: -during(trace, "events"),
    "spread_widening": lambda trace: during(trace, "spread_ticks"),
    "flash_crash": fall,
    "informed_flow": fall,
    "fee_change": paid,
    "regime_flip": lambda trace: float(trace["regime"].mean()),
    "feed_outage": lambda trace: -float(trace["messages"].sum()),
    "trading_halt": lambda trace: -float(trace["events"].sum()),
    "fat_finger": sweep,
    "perfect_storm": lambda trace: during(trace, "spread_ticks"),
}


@pytest.mark.parametrize("name", MOVES)
def test_each_severity_moves_what_the_scenario_names(name: str, calm: Trace) -> None:
    figures = [MOVES[name](trace) for trace in (calm, *(stressed(name, s) for s in SEVERITIES))]
    assert figures == sorted(figures), figures
    assert figures[-1] - figures[0] > 0.15 * abs(figures[0]), figures


def test_a_latency_shock_lengthens_every_delay(calm: Trace) -> None:
    """Delays of seconds: what was decided arrives a step later or two."""
    slow = {"law": "constant", "median_ns": 200_000_000, "log_sd": 0.0}
    params = resolve_params(problem(), {"latency": {"feed": slow, "entry": slow, "response": slow}})
    filled = []
    for severity in SEVERITIES:
        trace = traced(SCENARIOS["latency_shock"].applied(params, severity))
        bought = trace["fills_maker_lots_bid"] + trace["fills_maker_lots_ask"]
        filled.append(float(bought[:, START:END].sum()))
    assert filled[2] != filled[0]
    shocks = [
        SCENARIOS["latency_shock"].applied(params, severity).market.shocks[0].value  # type: ignore[union-attr]
        for severity in SEVERITIES
    ]
    assert shocks == [5.0, 25.0, 100.0]


def delays(params: EnvParams) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """When something was late, and by how much: what is seen, what is sent, what is heard."""
    batch = make_batch(params, seeds=environment_keys(3, 1), n_threads=1)
    width = len(observation_layout(params))
    batch.reset(obs=aligned_empty((1, width), np.float32))
    batch.trace(levels=0)
    arrays, action = output_arrays(1, width), np.empty((1, 2), np.float32)
    for t in range(STEPS):
        action[...] = -1.0 if t % 2 else -0.9
        batch.step(action, **arrays)
    agent = batch.take_trace(0)["agent"]
    words = np.array(AGENT_EVENTS)[agent["what"]]
    found = {}
    for name, kinds in (
        ("feed", ("decision",)), ("entry", ("new", "replace", "cancel")), ("response", ("notice",))
    ):  # fmt: skip
        own = np.isin(words, kinds)
        found[name] = agent["ts_ns"][own], agent["delay_ns"][own]
    return found


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", ["latency_shock", "perfect_storm"])
def test_feed_entry_and_response_are_late_themselves(name: str, severity: int) -> None:
    """Constant delays: what is seen is older, messages and news take longer, by the very factor."""
    usual = {"feed": 2_000_000, "entry": 3_000_000, "response": 5_000_000}
    law = {"law": "constant", "log_sd": 0.0}
    latency = {leg: law | {"median_ns": delay_ns} for leg, delay_ns in usual.items()}
    params = SCENARIOS[name].applied(resolve_params(problem(), {"latency": latency}), severity)
    start_ns = Market.of(params).start_ns
    end_ns = start_ns + round(LASTING_SHARE * Market.of(params).episode_ns)
    factor = (5, 25, 100)[severity - 1]
    for leg, (ts_ns, delay_ns) in delays(params).items():
        # A message that leaves a moment later was decided on before the start.
        late = (ts_ns >= start_ns + 1_000_000_000) & (ts_ns < end_ns)
        assert late.any(), leg
        assert set(delay_ns[late]) == {factor * usual[leg]}, leg
        before = ts_ns < start_ns
        assert set(delay_ns[before]) == {usual[leg]}, leg


@pytest.mark.parametrize("name", SCENARIOS)
def test_large_ticks_can_be_stressed_too(name: str) -> None:
    params = SCENARIOS[name].applied(preset("book-large-tick"), 3)
    assert params.content_hash() != preset("book-large-tick").content_hash()


def without(part: str) -> EnvParams:
    params = preset("book-small-tick")
    if part == "delays":
        nothing: dict[str, Any] = {"law": "constant", "median_ns": 0, "log_sd": 0.0}
        return resolve_params(
            params, {"latency": dict.fromkeys(("feed", "entry", "response"), nothing)}
        )
    return resolve_params(params, {"market": {"model": {"informed": {"volatility_ticks": 0.0}}}})


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("flash_crash", preset("P1"), "expected book, got analytic"),
        ("latency_shock", without("delays"), "expected no latency shock without a delay"),
        ("informed_flow", without("news"), "expected no drift without informed flow"),
    ],
)
def test_what_cannot_be_stressed_says_why(name: str, params: EnvParams, message: str) -> None:
    with pytest.raises(CannotStressError, match=message):
        SCENARIOS[name].applied(params, 1)


def test_without_informed_flow_the_rest_of_a_scenario_is_left() -> None:
    for name in ("volatility_spike", "perfect_storm"):
        market = SCENARIOS[name].applied(without("news"), 2).market
        assert "drift" not in {shock.kind for shock in market.shocks}  # type: ignore[union-attr]


def test_a_market_of_one_regime_has_none_to_flip() -> None:
    plain = Scenario("plain", "", lambda market, severity: Change())
    assert plain.applied(preset("book-small-tick"), 1) == preset("book-small-tick")
    one = preset("book-small-tick").model_dump()
    model = one["market"]["model"]
    model |= {"switch_rates_hz": ((0.0,),), "initial_regime_probabilities": (1.0,),
              "regime_volatility_factor": ()}  # fmt: skip
    for group in model["groups"]:
        group["regime_factor"] = ()
    with pytest.raises(CannotStressError, match="expected a market with regimes"):
        SCENARIOS["regime_flip"].applied(EnvParams.model_validate(one), 1)


def test_names_and_severities_are_checked() -> None:
    with pytest.raises(ValueError, match=r"got 'flash_crsh'; did you mean 'flash_crash'\?"):
        scenario("flash_crsh")
    with pytest.raises(ValueError, match=r"severity: expected one of \(1, 2, 3\), got 4"):
        scenario("flash_crash").applied(preset("book-small-tick"), 4)
    assert setting_name("flash_crash", 2) == "flash_crash:2"


def test_ones_own_scenario_is_taken_as_it_is() -> None:
    shock = {"kind": "halt", "start_ns": 5, "duration_ns": 7}
    own = own_scenario("mine", "a halt", [shock], {"fees": {"maker_bps": 1.0}})
    params = own.applied(preset("book-small-tick"), 1)
    assert [(s.kind, s.start_ns) for s in params.market.shocks] == [("halt", 5)]  # type: ignore[union-attr]
    assert params.fees.maker_bps == 1.0
    bad = own_scenario("bad", "", [{"kind": "hlt"}], {})
    with pytest.raises(CannotStressError, match=r"bad: market.shocks\[0\].kind: expected"):
        bad.applied(preset("book-small-tick"), 1)


def test_a_scenario_comes_on_top_of_what_the_market_has() -> None:
    halt = {"kind": "halt", "start_ns": 0, "duration_ns": 10}
    params = resolve_params("book-small-tick", {"market": {"shocks": [halt]}})
    kinds = [s.kind for s in SCENARIOS["flash_crash"].applied(params, 1).market.shocks]  # type: ignore[union-attr]
    assert kinds == ["halt", "price_jump", "price_jump"]
    assert Market.of(params).start_ns == round(START_SHARE * Market.of(params).episode_ns) + 1
