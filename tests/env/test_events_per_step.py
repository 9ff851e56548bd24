"""Events in a step are bounded, or a step would hang: in Python and in the engine at one value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from rlmm_tf.env import engine_params
from rlmm_tf.params import STEP_EVENTS_MAX, EnvParams
from rlmm_tf.presets import preset, resolve_params

STEPS_NS = [1, 3, 10_000_000, 1_000_000_000, 24 * 3600 * 1_000_000_000]
OURS = r"market\.\w+: expected at most 1000000 .*, got .*; shorten the step or lower the rates"
Market = dict[str, Any]


def regime(sell_hz: float, buy_hz: float) -> dict[str, float]:
    rates = {"market_sell_rate_hz": sell_hz, "market_buy_rate_hz": buy_hz}
    plain = {"fill_decay_per_tick": 1e-4, "volatility_ticks": 1.0, "inventory_penalty_scale": 1.0}
    return {**rates, **plain}


def sells(rate_hz: float) -> Market:
    return {"regimes": (regime(rate_hz, 0.0),)}


def both_sides_capped(rate_hz: float) -> Market:
    return {"regimes": (regime(rate_hz / 6, rate_hz / 6),), "fill_cap": 3.0}


def jumps(rate_hz: float) -> Market:
    return {"regimes": (regime(0.0, 0.0),), "jump_rate_hz": rate_hz}


def switches(rate_hz: float) -> Market:
    return {
        "regimes": (regime(0.0, 0.0),) * 2,
        "switch_rates_hz": ((0.0, rate_hz), (0.0, 0.0)),
        "initial_regime_probabilities": (1.0, 0.0),
    }


def refusal(make: Callable[[], Any]) -> str:
    """The message, or nothing when the values are accepted."""
    try:
        make()
    except ValueError as error:
        return str(error)
    return ""


def in_python(market: Market, step_ns: int) -> str:
    episode = {"n_steps": 1, "step_ns": step_ns}
    return refusal(lambda: resolve_params("P1", {"market": market, "episode": episode}))


def in_the_engine(market: Market, step_ns: int) -> str:
    values = preset("P1").model_dump()
    values["market"] |= market
    values["episode"] |= {"n_steps": 1, "step_ns": step_ns}
    return refusal(lambda: engine_params(EnvParams.model_construct(**values)))


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # of the unchecked parameters
@pytest.mark.parametrize("step_ns", STEPS_NS)
@pytest.mark.parametrize("market", [sells, both_sides_capped, jumps, switches])
def test_both_refuse_from_the_same_value_on(
    market: Callable[[float], Market], step_ns: int
) -> None:
    bound_hz = STEP_EVENTS_MAX / (step_ns / 1e9)
    near = [bound_hz]
    for _ in range(4):
        near = [math.nextafter(near[0], 0.0), *near, math.nextafter(near[-1], math.inf)]
    answers = []
    for rate_hz in (0.5 * bound_hz, *near, 2.0 * bound_hz):
        if rate_hz > 1e9:
            continue  # another rule's: no rate is that high
        ours, engines = (f(market(rate_hz), step_ns) for f in (in_python, in_the_engine))
        assert bool(ours) == bool(engines), (rate_hz, ours, engines)
        assert not ours or re.fullmatch(OURS, ours)
        assert not engines or "in a step" in engines
        answers.append(not ours)
    if bound_hz < 1e9:
        assert answers[0]
        assert not answers[-1]
        assert answers == sorted(answers, reverse=True)
