"""Book markets as parameters: both sides have the same fields and refuse the same values."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from rlmm_tf.book_params import ShockParams
from rlmm_tf.env import engine, engine_params
from rlmm_tf.market_model import MarketModel
from rlmm_tf.params import EnvParams

_core = engine._core
Values = dict[str, Any]

SIZES = {"lots": [1, 5], "probability": [0.75, 0.25]}
PLACE = {"sizes": SIZES, "flickering_share": 0.5}
FULL: Values = {
    "kind": "book",
    "model": {
        "spread_bin_ticks": [1, 2],
        "imbalance_bin_edges": [0.0],
        "groups": [
            {
                "baseline_hz": 0.5,
                "state_factor": [1.0, 2.0, 1.0, 1.0],
                "regime_factor": [1.0, 2.0],
                "season_factor": [1.0, 0.5],
            }
        ]
        * 6,
        "decays_hz": [10.0, 0.5],
        "excitation": [0.05] * 72,
        "limit_marks": [
            {"improving": [], "resting": [0.5, 0.5]},
            {"improving": [0.25], "resting": [0.5, 0.25]},
        ],
        "refill": {"share": 0.5, "back_share": 0.5},
        "improving": PLACE,
        "joining": PLACE,
        "deeper": PLACE,
        "market_orders": {
            "whole_queue": 0.25, "beyond_queue": 0.25, "within_queue": 0.25, "sizes": SIZES,
        },
        "hit_gap_bin_ticks": [1, 4],
        "hit_gap_factor": [1.0, 2.0],
        "cancels": {
            "per_order": True, "patient_hazard": 0.0, "flickering_hazard": 4.0,
            "partial_share": 0.1, "distance_factor": [1.0, 0.5],
            "company_factor": 0.5,
        },
        "exciting_levels": 5,
        "far_level_orders": [0.5, 0.5],
        "switch_rates_hz": [[0.0, 0.1], [0.2, 0.0]],
        "initial_regime_probabilities": [0.5, 0.5],
        "regime_volatility_factor": [1.0, 2.0],
        "season_bin_s": 1800.0,
        "informed": {"volatility_ticks": 1.0},
    },
    "mid_initial_ticks": 1000,
    "shocks": [
        {"kind": "intensity", "start_ns": 10, "duration_ns": 5, "by_group": [3.0] * 6},
        {"kind": "price_jump", "start_ns": 20, "value": -12.0},
        {"kind": "regime", "start_ns": 5, "duration_ns": 9, "value": 1.0},
        {"kind": "halt", "start_ns": 1, "duration_ns": 2},
        {"kind": "drift", "start_ns": 1, "duration_ns": 2, "value": -0.5},
        {"kind": "drift", "start_ns": 3, "duration_ns": 2, "value": 0.5},
    ],
}  # fmt: skip


def full_problem() -> EnvParams:
    """Something in every list."""
    return EnvParams.model_validate(
        {
            "market": FULL,
            "episode": {"n_steps": 1, "step_ns": 500_000_000},
            "fees": {"taker_bps": 1.0},
            "latency": {"entry": {"median_ns": 5}},
        }
    )


def editable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: editable(inner) for key, inner in value.items()}
    return [editable(inner) for inner in value] if isinstance(value, tuple) else value


def paths_in(value: Any, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Of every leaf and list; of a list's items the first and last are enough."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths_in(inner, (*path, key))
        return
    yield path
    if isinstance(value, list):
        for index in {0, len(value) - 1} if value else ():
            yield from paths_in(value[index], (*path, index))


FLOATS = (
    0.0, -0.0, 1.0, -1.0, 0.5, 0.25, 1e-7, 2e-4, 1e-3, 4.0, 5.0, -4.0, -4.5, 10.0, 10.5, 13.0, 1e3,
    1001.0, 86400.0, 86401.0, 1e6, 1e6 + 1, 1e9, 2e9, 1e15, 2e15, math.nan, math.inf, -math.inf,
)  # fmt: skip
INTEGERS = (
    0, 1, -1, 2, 3, 4, 9, 10, 11, 14, 15, 100, 101, 4096, 4097, 10**6 - 1, 10**6, 10**6 + 1, 10**12,
    10**12 + 1, 2**39, 2**39 + 1, 86_400_000_000_000, 86_400_000_000_001, 2**53, 2**53 + 1, 2**63,
)  # fmt: skip
KINDS = (
    "regime", "intensity", "limit_sizes", "market_sizes", "latency", "fees", "feed_outage", "halt",
    "price_jump", "drift", "jump",
)  # fmt: skip


def other_values(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield []
        for length in {len(value) - 1, len(value) + 1, 7, 8, 9, 64, 65, 66, 1025} - {0}:
            yield [*value, *[copy.deepcopy(value[-1:] or [0.0])[0]] * length][:length]
        yield value[::-1]
    elif isinstance(value, bool):
        yield from (not value, 1, None)
    elif isinstance(value, float):
        yield from (*FLOATS, math.nextafter(value, math.inf), "x", None, True)
    elif isinstance(value, int):
        yield from (*INTEGERS, 1.5, "x", None, True)
    else:
        yield from (*KINDS, 3)


def accepted(make: Callable[[], Any]) -> bool:
    try:
        make()
    except (TypeError, ValueError):
        return False
    return True


def fields_of(value: Any) -> Iterator[BaseModel]:
    """Every parameter value inside a value."""
    if isinstance(value, BaseModel):
        yield value
        for name in type(value).model_fields:
            yield from fields_of(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from fields_of(item)


def held_names(held: Any) -> Iterator[list[str]]:
    if isinstance(held, dict):
        yield list(held)
        for value in held.values():
            yield from held_names(value)
    elif isinstance(held, tuple):
        for item in held:
            yield from held_names(item)


def test_field_sets_are_equal() -> None:
    params = full_problem()
    ours = [list(type(part).model_fields) for part in fields_of(params)]
    assert list(held_names(engine_params(params).to_dict())) == ours  # in one order, too
    assert {MarketModel, ShockParams} <= {type(part) for part in fields_of(params)}


MARKET = editable(full_problem().model_dump()["market"])


@pytest.mark.parametrize("path", [p for p in paths_in(MARKET) if p != ("kind",)], ids=str)
def test_both_sides_refuse_the_same(path: tuple[int | str, ...]) -> None:
    values = editable(full_problem().model_dump())
    *above, last = ("market", *path)
    place: Any = values
    for part in above:
        place = place[part]
    before, answers = place[last], []
    for value in other_values(before):
        place[last] = value
        ours = accepted(lambda: EnvParams.model_validate(values))
        engines = accepted(lambda: _core.EnvParams(**values))
        assert ours == engines, (path, value, ours)
        answers.append(ours)
    assert not all(answers)
    place[last] = before
    assert accepted(lambda: EnvParams.model_validate(values))
    assert accepted(lambda: _core.EnvParams(**values))


@pytest.mark.parametrize("target", [0.97, 0.5])
def test_the_radius_is_the_same_to_the_last_bit(target: float) -> None:
    """From the bound's neighbours on: the engine accepts what we do."""
    values = editable(full_problem().model_dump())
    model = values["market"]["model"]
    kernels = [1.0 + 0.1 * (i % 7) for i in range(36)]
    model |= {"decays_hz": [1.0], "excitation": [0.01 * k for k in kernels]}
    radius = MarketModel.model_validate(model).branching_radius()
    scale = 0.01 * target / radius
    for _ in range(40):
        model["excitation"] = [scale * k for k in kernels]
        ours = accepted(lambda: EnvParams.model_validate(values))
        assert ours == accepted(lambda: _core.EnvParams(**values))
        scale = math.nextafter(scale, math.inf)
