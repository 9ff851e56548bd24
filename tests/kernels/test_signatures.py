"""Calls of the extension that fit no signature: one line that names the argument, no dump."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlmm_tf.env import (
    Batch,
    MarketMakingVectorEnv,
    PolicySpec,
    Recorder,
    Tape,
    draw,
    draw_names,
    engine_params,
    make_policy,
    measure_clock_hz,
    observation_layout,
    roll_out,
)
from rlmm_tf.env.engine import output_arrays
from rlmm_tf.env.spaces import action_space, action_width, actions_from_quotes
from rlmm_tf.kernels import OrderBook, signatures
from rlmm_tf.kernels.extension import _core
from rlmm_tf.presets import preset
from rlmm_tf.seeding import environment_keys

KEYS = environment_keys(0, 2)
ACTIONS = np.zeros((2, 2), np.float32)
LAYOUT_CALL = r"actions, \*, obs, final_obs, reward, terminated, truncated, columns=None"


def batch() -> Batch:
    return Batch(engine_params(preset("P1")), seeds=KEYS)


def arrays(**changes: Any) -> dict[str, Any]:
    return {**output_arrays(2, 2), **changes}


def without(name: str) -> dict[str, Any]:
    return {key: array for key, array in arrays().items() if key != name}


def vector() -> MarketMakingVectorEnv:
    return MarketMakingVectorEnv(2)


WRONG_CALLS: list[tuple[Callable[[], Any], str]] = [
    (lambda: vector().set_state(None), "state: expected bytes, got None"),  # type: ignore[arg-type]
    (lambda: batch().set_state("x"), "state: expected bytes, got 'x'"),
    (lambda: batch().set_state(bytearray(b"x")), r"state: expected bytes, got bytearray\(b'x'\)"),
    (lambda: batch().log_fills("yes"), "on: expected True or False, got 'yes'"),
    (lambda: vector().log_fills(1), "on: expected True or False, got 1"),  # type: ignore[arg-type]
    (lambda: Batch(preset("P1"), seeds=KEYS),
     r"params: expected the engine's EnvParams, got EnvParams\(.{,80}; make it with .*engine_pa"),
    (lambda: Batch(engine_params(preset("P1")), seeds=KEYS, tape=3),
     "tape: expected the engine's Tape or None, got 3"),
    (lambda: Batch(engine_params(preset("P1")), seeds=KEYS, n_threads=True),
     "n_threads: expected an integer, got True"),
    (Batch, r"Batch: expected a call like Batch\(params, \*, seeds, n_threads=1, "
     "tape=None.*, got one without params and seeds"),
    (lambda: batch().step(ACTIONS, **without("final_obs")),
     rf"step: expected a call like step\({LAYOUT_CALL}.*, got one without final_obs"),
    (lambda: batch().step(**arrays()), "got one without actions"),
    (lambda: batch().step(ACTIONS, **arrays(finalobs=None)),
     "step: expected no argument but actions, .*, got 'finalobs'; did you mean 'final_obs'"),
    (lambda: batch().step(ACTIONS, ACTIONS, **arrays()), "got too many positional arguments"),
    (lambda: draw("foo"), "draw: expected a call like draw.*, got one without episode and"),
    (lambda: draw((1, 2), 0, 0, 3, 1), "law: expected text, got 3"),
    (lambda: draw((1, 2), 0, 0, "normal", 2.5), "n: expected an integer, got 2.5"),
    (lambda: draw((1, 2), 0, 0, "poisson", 2, "x"), "parameter: expected a number, got 'x'"),
    (lambda: draw((1, 2), -1, 0, "normal", 2), r"like draw\(.*, got {'key': \(1, 2\), 'epi.*-1"),
    (lambda: measure_clock_hz("x"), "additions: expected an integer, got 'x'"),
    (lambda: Recorder(3, KEYS), "params: expected the engine's EnvParams, got 3; make it with"),
    (lambda: Tape(3), "Tape: expected a call like Tape.*, got too many positional arguments"),
    (lambda: OrderBook().submit(1, 2), "submit: expected .*owner=0.*, got one without lots"),
    (lambda: engine_params("P1"), "params: expected EnvParams, got 'P1'; rlmm_tf.presets.reso"),
    (lambda: observation_layout("P1"), "params: expected EnvParams, got 'P1'; rlmm_tf.presets"),
    (lambda: action_space("x"), "params: expected ActionParams, got 'x'; pass the `action` of"),
    (lambda: action_width(None), "params: expected ActionParams, got None"),
    (lambda: actions_from_quotes(preset("P1"), ACTIONS), "params: expected ActionParams, got Env"),
    (lambda: preset([]), r"preset: expected str, got \[\]; name one of P1, "),
    (lambda: make_policy(3, 4), "spec: expected PolicySpec, got 3; PolicySpec.for_params makes"),
    (lambda: make_policy(PolicySpec.for_params(preset("P1")), 4), "weights: expected PolicyWei"),
    (lambda: roll_out(batch(), 3, 5), "arrays: expected RolloutArrays, got 5"),
    (lambda: draw_names(3), "batch: expected Batch, got 3; rlmm_tf.env.make_batch makes one"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), WRONG_CALLS)
def test_a_wrong_call_is_one_line(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert "expected " in str(caught.value)


def test_every_function_of_the_extension_is_wrapped() -> None:
    wrapped = [name for name, value in vars(_core).items() if hasattr(value, "__wrapped__")]
    functions = [
        name
        for name, value in vars(_core).items()
        if callable(value) and not isinstance(value, type)
    ]
    # These take anything, and look at it themselves.
    assert set(functions) - set(wrapped) == set()
    methods = {name for name in vars(Batch) if hasattr(getattr(Batch, name), "__wrapped__")}
    assert {"__init__", "step", "reset", "reseed", "set_state", "log_fills"} <= methods


def test_what_a_function_raises_itself_is_left_alone() -> None:
    with pytest.raises(TypeError, match=r"^actions: expected dtype float32, got float64"):
        batch().step(np.zeros((2, 2)), **arrays())
    with pytest.raises(ValueError, match=r"^law: expected uniform, .*, got 'foo'"):
        draw((1, 2), 0, 0, "foo", 1)


def test_what_has_no_signature_is_left_alone() -> None:
    assert signatures._signature(lambda: None) is None
    overloaded = type("Overloaded", (), {"__doc__": "overloaded(*args, **kwargs) -> None"})
    assert signatures._signature(overloaded) is None
