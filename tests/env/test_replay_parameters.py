"""Replay markets as parameters: both sides have the same fields and refuse the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rlmm_tf.env import Batch, engine, engine_params, observation_layout, share_ahead
from rlmm_tf.market_parts import TypicalParams
from rlmm_tf.params import EnvParams, EpisodeParams
from rlmm_tf.presets import preset
from rlmm_tf.replay_params import QueueParams, ReplayMarketParams
from rlmm_tf.seeding import environment_keys

_core = engine._core


def params_with(market: ReplayMarketParams) -> EnvParams:
    return EnvParams(market=market, episode=EpisodeParams(horizon_ends="truncated"))


@st.composite
def markets(draw: st.DrawFn) -> ReplayMarketParams:
    start = draw(st.integers(-(2**62), 2**62 - 1))
    queue = {
        "law": draw(st.sampled_from(["risk_averse", "power", "log"])),
        "power": draw(st.floats(0, 100)),
        "scale_lots": draw(st.floats(1e-6, 1e6)),
        "use_order_ids": draw(st.booleans()),
    }
    values = {
        "recording": draw(st.text("abc/.é", min_size=1)),
        "sha256": draw(st.sampled_from(["", "0123456789abcdef" * 4])),
        "ranges": [{"start_ns": start, "end_ns": draw(st.integers(start + 1, 2**62))}],
        "queue": queue,
        "taker_allowed": draw(st.booleans()),
        "typical": {"spread_ticks": draw(st.integers(1, 4096))},
    }
    return ReplayMarketParams.model_validate(values)


@given(markets())
@settings(max_examples=50, deadline=None)
def test_values_go_to_the_engine_and_back(market: ReplayMarketParams) -> None:
    params = params_with(market)
    assert EnvParams.model_validate(engine_params(params).to_dict()) == params
    assert engine_params(params).to_dict() == params.model_dump()


def test_typical_values_that_are_left_out_are_one_to_the_engine() -> None:
    values = engine_params(params_with(ReplayMarketParams(recording="x"))).to_dict()
    assert values["market"]["typical"] == TypicalParams().model_dump()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"recording": ""}, "recording"),
    ({"sha256": "ab"}, "sha256"),
    ({"sha256": "X" * 64}, "sha256"),
    ({"ranges": [{"start_ns": 5, "end_ns": 5}]}, "ranges"),
    ({"ranges": [{"start_ns": -(2**63), "end_ns": 5}]}, "ranges"),
    ({"ranges": [{"start_ns": 0, "end_ns": 2**62 + 1}]}, "ranges"),
    ({"ranges": [{"start_ns": 0, "end_ns": 1}] * 4097}, "ranges"),
    ({"queue": {"power": -0.1}}, "queue.power"),
    ({"queue": {"power": 101.0}}, "queue.power"),
    ({"queue": {"scale_lots": 0.0}}, "queue.scale_lots"),
    ({"typical": {"touch_lots": -1.0}}, "typical.touch_lots"),
]


@pytest.mark.parametrize(("change", "place"), REFUSED)
def test_both_sides_refuse_the_same(change: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError, match=place.rsplit(".", maxsplit=1)[-1]):
        ReplayMarketParams.model_validate({"recording": "x", **change})
    values = params_with(ReplayMarketParams(recording="x", typical=TypicalParams())).model_dump()
    for name, value in change.items():
        old = values["market"][name]
        values["market"][name] = {**old, **value} if isinstance(old, dict) else value
    with pytest.raises(ValueError, match=f"market.{place}"):
        _core.EnvParams(**values)


def test_the_engine_wants_the_recording() -> None:
    params = params_with(ReplayMarketParams(recording="x", typical=TypicalParams()))
    keys = environment_keys(0, 1)
    with pytest.raises(ValueError, match=r"market.recording: expected it to be loaded"):
        Batch(engine_params(params), seeds=keys)
    with pytest.raises(ValueError, match="tape: expected none without a replay market"):
        Batch(engine_params(preset("P1")), seeds=keys, tape=small_tape())
    with pytest.raises(ValueError, match=r"market.kind: expected book, got replay"):
        _core.Recorder(engine_params(params), keys)
    empty = _core.Tape.__new__(_core.Tape)
    with pytest.raises(RuntimeError, match="tape: expected a made one"):
        empty.rows  # noqa: B018 - raises


def test_a_recording_has_no_regime() -> None:
    params = params_with(ReplayMarketParams(recording="x", typical=TypicalParams()))
    values = {**params.model_dump(), "observation": {"features": ("regime",)}}
    with pytest.raises(ValueError, match=r"observation.features: expected names.*got regime"):
        observation_layout(EnvParams.model_validate(values))


def small_tape() -> engine.Tape:
    return _core.Tape(
        ts_ns=np.array([1, 2]),
        kind=np.array([1, 1], dtype=np.uint8),
        side=np.array([1, -1], dtype=np.int8),
        price_ticks=np.array([10, 12]),
        qty_lots=np.array([3, 4]),
        order_id=np.zeros(2, dtype=np.uint64),
        flags=np.zeros(2, dtype=np.uint8),
        checkpoint_events=10,
    )


def test_what_a_tape_says_of_itself() -> None:
    tape = small_tape()
    assert (tape.rows, tape.events, tape.by_order) == (2, 2, False)
    assert (tape.first_ns, tape.last_ns) == (1, 2)
    assert tape.checksum == small_tape().checksum
    assert tape.checkpoint_bytes == 0


def test_shares_of_a_cancel() -> None:
    ahead, behind = np.array([2.0, 4.0]), np.array([6.0, 0.0])
    assert share_ahead(QueueParams(), ahead, behind).tolist() == [0.0, 0.0]
    power = share_ahead(QueueParams(law="power", power=2.0), ahead, behind)
    np.testing.assert_allclose(power, [0.1, 1.0])
    log = share_ahead(QueueParams(law="log", scale_lots=2.0), ahead, behind)
    np.testing.assert_allclose(log, [1 / 3, 1.0])
