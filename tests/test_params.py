"""Parameters: frozen values with an identity; every rule between fields."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from rlmm_tf.analytic_params import AnalyticMarketParams, RegimeParams
from rlmm_tf.params import (
    ActionParams,
    DelayParams,
    EnvParams,
    EpisodeParams,
    LatencyParams,
    ObservationParams,
    RewardParams,
)

CALM = {"market_sell_rate_hz": 10, "market_buy_rate_hz": 10, "fill_decay_per_tick": 1e-4}
REGIME = {**CALM, "volatility_ticks": 5}


def small(**changes: Any) -> EnvParams:
    return EnvParams.model_validate({"market": {"regimes": [REGIME]}, **changes})


def test_defaults_are_a_whole_problem() -> None:
    params = small()
    assert params.market.regimes[0].inventory_penalty_scale == 1.0
    assert params.episode.horizon_s == 1.0  # 100 steps of 10 ms
    assert params.limits.loss_limit is None


def test_values_are_frozen() -> None:
    params = small()
    with pytest.raises(ValidationError, match="frozen"):
        params.tick_value = 2.0
    with pytest.raises(ValidationError, match="frozen"):
        params.market.regimes[0].volatility_ticks = 2.0
    assert hash(params) == hash(small())


def test_json_round_trip() -> None:
    params = small(limits={"loss_limit": 3.5}, latency={"feed": {"median_ns": 7}})
    assert EnvParams.model_validate_json(params.model_dump_json()) == params
    assert EnvParams.model_validate(params.model_dump()) == params


def test_identity_is_the_hash_of_the_values() -> None:
    params = small()
    assert params.content_hash() == small().content_hash()
    assert len(params.content_hash()) == 64
    changed = [
        small(tick_value=2.0),
        small(action={"offset_choices": 12}),
        small(market={"regimes": [{**REGIME, "volatility_ticks": math.nextafter(5, 6)}]}),
        small(observation={"features": ["inventory", "time_left"]}),
    ]
    assert len({p.content_hash() for p in [params, *changed]}) == 5


def test_identity_is_the_same_in_another_process() -> None:
    code = (
        "import json, sys; from rlmm_tf.params import EnvParams;"
        "print(EnvParams.model_validate(json.loads(sys.argv[1])).content_hash())"
    )
    given = json.dumps({"market": {"regimes": [REGIME]}})
    done = subprocess.run(
        [sys.executable, "-c", code, given], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == small().content_hash()


ACCEPTED: list[tuple[type[Any], dict[str, Any]]] = [
    (ActionParams, {"offset_min_ticks": -(2**31), "offset_max_ticks": 2**31}),
    (ActionParams, {"kind": "multidiscrete", "sizes": True, "withdraw_choice": True}),
    (ActionParams, {"sizes": True, "lots_min": 0}),
    (EpisodeParams, {"n_steps": 2**13, "step_ns": 2**40}),  # 2^53 ns: the longest
    (EpisodeParams, {"initial_inventory_min_lots": -3, "initial_inventory_max_lots": -3}),
    (DelayParams, {"law": "empirical", "quantiles_ns": [5, 5]}),
    (DelayParams, {"law": "lognormal", "median_ns": 3600 * 10**9, "log_sd": 0.397}),  # ln(24) / 8
    (DelayParams, {"law": "constant", "median_ns": 3600 * 10**9, "log_sd": 0.0}),
    (RewardParams, {"utility": "cara", "risk_aversion": 1e-9}),
    (ObservationParams, {"features": ["a", "b"], "clip": 1.0}),  # names are the engine's to check
    (AnalyticMarketParams, {"regimes": [REGIME] * 8, "switch_rates_hz": [[0.0] * 8] * 8,
                            "initial_regime_probabilities": [0.125] * 8}),
    (AnalyticMarketParams, {"regimes": [REGIME], "fill_law": "exponential", "fill_cap": 2.0}),
]  # fmt: skip


@pytest.mark.parametrize(("model", "values"), ACCEPTED)
def test_edges_of_what_is_accepted(model: type[Any], values: dict[str, Any]) -> None:
    model.model_validate(values)


REFUSED: list[tuple[type[Any], dict[str, Any], str]] = [
    (ActionParams, {"offset_min_ticks": 5, "offset_max_ticks": 5},
     "offset_min_ticks: expected below offset_max_ticks=5, got 5"),
    (ActionParams, {"lots_min": 3, "lots_max": 2}, "lots_min: expected at most lots_max=2, got 3"),
    (ActionParams, {"kind": "discrete", "sizes": True},
     "sizes: expected false with the discrete kind, got true (use multidiscrete)"),
    (ActionParams, {"withdraw_choice": True}, "set sizes=true and lots_min=0 to let it withdraw"),
    (EpisodeParams, {"n_steps": 2**13 + 1, "step_ns": 2**40}, "at most 9007199254740992 ns"),
    (EpisodeParams, {"initial_inventory_min_lots": 1},
     "initial_inventory_min_lots: expected at most initial_inventory_max_lots=0, got 1"),
    (DelayParams, {"law": "empirical", "quantiles_ns": [5]}, "at least 2 values.*, got 1"),
    (DelayParams, {"law": "empirical", "quantiles_ns": [5, 4]}, "expected values in rising order"),
    (DelayParams, {"quantiles_ns": [4, 5]}, "expected none with the constant law"),
    (DelayParams, {"law": "lognormal"}, "expected above 0 with the lognormal law, got 0"),
    (DelayParams, {"law": "lognormal", "median_ns": 3600 * 10**9, "log_sd": 0.398},
     "log_sd: expected at most 0.3972.* with median_ns=3600000000000, so that 8.*, got 0.398"),
    (DelayParams, {"law": "lognormal", "median_ns": 1, "log_sd": 5.0}, "log_sd: expected at most"),
    (LatencyParams, {"fill": {}}, "Extra inputs are not permitted"),
    (RewardParams, {"utility": "cara"}, "expected above 0 with utility='cara', got 0.0"),
    (RewardParams, {"risk_aversion": 0.5}, "expected 0 with utility='linear'"),
    (ObservationParams, {"features": ["a", "b", "a"]}, "got ['a'] more than once"),
    (AnalyticMarketParams, {"regimes": [REGIME] * 9}, "at most 8 items"),
    (AnalyticMarketParams, {"regimes": [REGIME], "switch_rates_hz": [[0.0, 1.0]]},
     "expected a 1 x 1 table (one row per regime), got rows of lengths [2]"),
    (AnalyticMarketParams, {"regimes": [REGIME], "switch_rates_hz": [[1.0]]}, "zero diagonal"),
    (AnalyticMarketParams, {"regimes": [REGIME], "initial_regime_probabilities": [0.5, 0.5]},
     "expected 1 numbers (one per regime), got 2"),
    (AnalyticMarketParams, {"regimes": [REGIME], "initial_regime_probabilities": [0.9]},
     "expected a sum of 1, got 0.9"),
    (AnalyticMarketParams, {"regimes": [REGIME], "fill_law": "power", "fill_cap": 2.0},
     "fill_cap: expected 1 with the power law"),
    (AnalyticMarketParams,
     {"regimes": [{**REGIME, "volatility_ticks": 0}], "fill_volatility_exponent": 0.5},
     "expected every regime's volatility_ticks above 0"),
    (EnvParams, {"market": {"regimes": [REGIME], "mid_initial_ticks": 100}},
     "expected below market.mid_initial_ticks=100 (a bid needs a positive price), got 100"),
    (EnvParams, {"market": {"regimes": [REGIME] * 2, "switch_rates_hz": [[0, 0], [2e6, 0]],
                            "initial_regime_probabilities": [1, 0]}, "episode": {"step_ns": 10**9}},
     "market.switch_rates_hz: expected at most 1000000 switches in a step of "
     "episode.step_ns=1000000000, got 2000000; shorten the step or lower the rates"),
    (AnalyticMarketParams, {"regimes": [REGIME], "initial_regime_probabilities": [1 + 5e-10]},
     "less than or equal to 1"),
    (EnvParams, {"market": {"regimes": [REGIME], "mid_initial_ticks": 500},
                 "action": {"offset_min_ticks": -500}},
     "action.offset_min_ticks: expected above minus market.mid_initial_ticks=500 (an ask needs a "
     "positive price), got -500"),
    (EnvParams, {"market": {"regimes": [REGIME]}, "episode": {"initial_inventory_max_lots": 21}},
     "expected within limits.inventory_cap_lots=20, got up to 21"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "values", "message"), REFUSED)
def test_rules_between_fields(model: type[Any], values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    text = str(caught.value)
    assert all(part in text for part in message.split(".*")), text


@pytest.mark.parametrize("name", [*RegimeParams.model_fields])
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, "x", None])
def test_numbers_of_a_regime(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        RegimeParams.model_validate({**REGIME, name: value})


LAX: list[tuple[type[Any], dict[str, Any], str]] = [
    (EpisodeParams, {"n_steps": "50"}, "valid integer"),
    (EpisodeParams, {"n_steps": 50.0}, "valid integer"),
    (EpisodeParams, {"n_steps": True}, "valid integer"),
    (ActionParams, {"sizes": "yes"}, "valid boolean"),
    (ActionParams, {"sizes": 1}, "valid boolean"),
    (RewardParams, {"pnl": "3e0"}, "valid number"),
    (RewardParams, {"pnl": True}, "valid number"),
    (ObservationParams, {"features": {"inventory"}}, "valid tuple"),  # its order is chance
    (ObservationParams, {"features": [b"inventory"]}, "valid string"),
    (AnalyticMarketParams, {"regimes": [REGIME], "switch_rates_hz": [["0"]]}, "valid number"),
    (AnalyticMarketParams, {"regimes": [{**REGIME, "volatility_ticks": "5"}]}, "valid number"),
    (AnalyticMarketParams, {"regimes": [REGIME], "fill_cap": "3e0"}, "valid number"),
    (AnalyticMarketParams, {"regimes": [REGIME], "taker_allowed": "yes"}, "valid boolean"),
    (EnvParams, {"market": {"regimes": [REGIME]}, "limits": {"inventory_cap_lots": True}},
     "valid integer"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "values", "message"), LAX)
def test_values_are_of_their_type(model: type[Any], values: dict[str, Any], message: str) -> None:
    for make in (
        lambda: model(**values),
        lambda: model.model_validate(values),
    ):
        with pytest.raises(ValidationError, match=message):
            make()


def test_whole_numbers_are_floats_and_lists_are_tuples() -> None:
    market = AnalyticMarketParams(
        regimes=[REGIME], switch_rates_hz=[[0]], initial_regime_probabilities=[1]
    )
    assert market.switch_rates_hz == ((0.0,),)
    assert type(market.switch_rates_hz[0][0]) is float
    assert type(market.regimes[0].market_sell_rate_hz) is float
    assert market == AnalyticMarketParams(regimes=(RegimeParams(**REGIME),))
    assert EnvParams.model_validate_json(small(tick_value=2).model_dump_json()).tick_value == 2.0


NUMPY: list[tuple[type[Any], dict[str, Any], Any]] = [
    (ActionParams, {"lots_max": np.int64(3)}, 3),
    (ActionParams, {"lots_max": np.uint8(3)}, 3),
    (ActionParams, {"sizes": np.True_}, True),
    (ActionParams, {"kind": np.str_("discrete")}, "discrete"),
    (RewardParams, {"pnl": np.float32(2.0)}, 2.0),
    (RewardParams, {"pnl": np.float32(0.1)}, 0.10000000149011612),  # what it holds, exactly
    (RewardParams, {"pnl": np.float64(0.1)}, 0.1),
    (RewardParams, {"pnl": np.int32(2)}, 2.0),
    (DelayParams, {"law": "empirical", "quantiles_ns": [np.int64(1), np.int64(2)]}, (1, 2)),
]


@pytest.mark.parametrize(("model", "values", "expected"), NUMPY)
def test_numpy_scalars_are_what_they_equal(
    model: type[Any], values: dict[str, Any], expected: Any
) -> None:
    name = [*values][-1]
    made = model.model_validate(values)
    got = getattr(made, name)
    assert got == expected
    assert type(got) is type(expected)
    plain = model.model_validate({**values, name: expected})
    assert made.model_dump_json() == plain.model_dump_json()  # and so the same identity


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (ActionParams, {"lots_max": np.float32(3.0)}, "valid integer"),
        (ActionParams, {"lots_max": np.float64(3.0)}, "valid integer"),
        (ActionParams, {"lots_max": np.True_}, "valid integer"),
        (ActionParams, {"lots_max": np.array([3])}, "valid integer"),
        (ActionParams, {"lots_max": np.int64(0)}, "greater than or equal to 1"),
        (ActionParams, {"sizes": np.int64(1)}, "valid boolean"),
        (EpisodeParams, {"step_ns": np.timedelta64(3, "ns")}, "valid integer"),
        (RewardParams, {"pnl": np.True_}, "valid number"),
        (RewardParams, {"pnl": np.float32(np.nan)}, "finite number"),
        (RewardParams, {"pnl": np.complex128(1.0)}, "valid number"),
        (DelayParams, {"law": "empirical", "quantiles_ns": np.array([1, 2])}, "valid tuple"),
        (DelayParams, {"law": "empirical", "quantiles_ns": [1, np.float64(2)]}, "valid integer"),
    ],
)
def test_numpy_scalars_of_another_kind(
    model: type[Any], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        model.model_validate(values)


def test_all_problems_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        small(tick_value=0, action={"offset_choices": 1}, reward={"unknown": 1})
    assert caught.value.error_count() == 3
