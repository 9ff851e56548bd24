"""The contract of the compiled engine, clause 9: named streams and common random numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rlmm_tf.env import draw, engine
from rlmm_tf.presets import resolve_params

EXOGENOUS = ("market_sells", "market_buys", "mid_ticks_x2", "regime", "ts_ns", "episode_index")


def test_clause_9_agent_does_not_change_the_market(simulate: Any) -> None:
    params = resolve_params(
        "R1",
        {
            "market": {"jump_rate_hz": 5.0, "jump_ticks": 30.0, "taker_allowed": True},
            "latency": {"response": {"law": "lognormal", "median_ns": 10**7, "log_sd": 0.5}},
            "action": {"offset_min_ticks": -100},
        },
    )
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (600, 8, 2)).astype(np.float32)
    seen = []
    for agent in (actions, np.ones_like(actions), -np.ones_like(actions)):
        simulation = simulate(params, n_envs=8, seed=21)
        simulation.reset()
        steps = [simulation.step(row) for row in agent]
        seen.append({name: np.stack([step[name] for step in steps]) for name in steps[0]})
    for other in seen[1:]:
        for name in EXOGENOUS:
            np.testing.assert_array_equal(seen[0][name], other[name])
        assert (seen[0]["inventory_lots"] != other["inventory_lots"]).any()
    assert len(np.unique(seen[0]["regime"])) == 2
    assert seen[0]["market_sells"].sum() > 500


def test_clause_9_orders_not_quoted_against_leave_the_later_ones_alone(simulate: Any) -> None:
    # How deep each order reaches is drawn whether or not a quote stands there to be hit.
    params = resolve_params(
        "P2",
        {
            "action": {"sizes": True, "lots_min": 0},
            "limits": {"inventory_cap_lots": 10**6},
        },
    )
    fills = []
    for waits in (False, True):
        simulation = simulate(params, n_envs=16, seed=4)
        simulation.reset()
        simulation.quote_steps(100, 5_000, 5_000, (0, 0) if waits else (1, 1))
        late = simulation.quote_steps(100, 5_000, 5_000, (1, 1))
        fills.append(np.stack([late["fills_maker_lots_bid"], late["fills_maker_lots_ask"]]))
    assert fills[0].sum() > 100
    np.testing.assert_array_equal(fills[0], fills[1])


@pytest.mark.parametrize("other", ["key", "episode", "purpose"])
def test_clause_9_streams_have_names(other: str) -> None:
    name = {"key": (1, 2), "episode": 3, "purpose": 4}
    first = draw(**name, law="uniform", n=50)
    np.testing.assert_array_equal(first, draw(**name, law="uniform", n=50))
    name[other] = (1, 3) if other == "key" else 5
    assert not np.intersect1d(first, draw(**name, law="uniform", n=50)).size


def test_clause_9_generator_is_philox() -> None:
    key, counter = (123456789, 987654321), (5, 6, 7, 8)
    bits = np.random.Philox(key=np.array(key, np.uint64), counter=np.array([4, 6, 7, 8], np.uint64))
    assert list(engine._core.philox(counter, key)) == bits.random_raw(4).tolist()  # it counts first


@pytest.mark.parametrize(
    ("law", "parameter"), [("gauss", 0.0), ("poisson", -1.0), ("below", 0.0), ("poisson", math.nan)]
)
def test_clause_9_unknown_law(law: str, parameter: float) -> None:
    with pytest.raises(ValueError, match=f"law: expected uniform, exponential.* got '{law}'"):
        draw(key=(0, 0), episode=0, purpose=0, law=law, n=1, parameter=parameter)
