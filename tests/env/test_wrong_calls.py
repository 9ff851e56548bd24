"""Random wrong calls of the engine end in exceptions, never in the end of the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlmm_tf.env import COLUMNS, Batch, InvariantError, engine_params
from rlmm_tf.presets import preset, resolve_params
from rlmm_tf.seeding import environment_keys

N = 5
SHAPES = {
    "actions": (N, 2), "obs": (N, 2), "final_obs": (N, 2), "reward": (N,), "terminated": (N,),
    "truncated": (N,), "columns": (N, len(COLUMNS)), "mask": (N,), "seeds": (N, 2),
}  # fmt: skip
DTYPES = {
    "actions": "f4", "obs": "f4", "final_obs": "f4", "reward": "f8", "terminated": "?",
    "truncated": "?", "columns": "f8", "mask": "?", "seeds": "u8",
}  # fmt: skip
OTHER_DTYPES = ["f2", "f4", "f8", ">f4", ">f8", "i4", "i8", "u8", "?", "u1", "c8", "S3", "O", "M8[s]"]
NOT_ARRAYS: list[Any] = [None, 0, 1.5, "x", b"x", [], [[0.0, 0.0]], (), {}, object(), np.float32(0), int]


def stored(shape: tuple[int, ...], dtype: str, layout: str) -> np.ndarray:
    """An array of this shape whose memory is laid out as asked."""
    size = int(np.prod(shape))
    if dtype == "O" or layout == "plain":
        return np.zeros(shape, dtype)
    if layout == "fortran":
        return np.zeros(shape, dtype, order="F")
    if layout == "read-only":
        array = np.zeros(shape, dtype)
        array.flags.writeable = False
        return array
    if layout == "strided":
        return np.zeros((*shape, 2), dtype)[..., 0]
    if layout == "backwards":
        return np.zeros(shape, dtype)[::-1] if shape else np.zeros(shape, dtype)
    if layout == "broadcast":
        return np.broadcast_to(np.zeros((), dtype), shape)
    if layout == "odd":
        item = np.dtype(dtype).itemsize
        return np.zeros(size * item + 1, np.uint8)[1:].view(dtype).reshape(shape)
    if layout == "masked":
        return np.ma.masked_array(np.zeros(shape, dtype), mask=False)
    assert layout == "garbage"
    bits = np.random.default_rng(size).integers(0, 256, size * np.dtype(dtype).itemsize, np.uint8)
    return bits.view(dtype).reshape(shape)


LAYOUTS = [
    "plain", "fortran", "read-only", "strided", "backwards", "broadcast", "odd", "masked", "garbage",
]  # fmt: skip


@st.composite
def arguments(draw_from: st.DrawFn, name: str) -> Any:
    """The right array, an array with one or more things wrong, or no array at all."""
    spoiled = draw_from(st.sampled_from(["right", "right", "right", "dtype", "shape", "both", "none"]))
    if spoiled == "none":
        return draw_from(st.sampled_from(NOT_ARRAYS))
    dtype, shape = DTYPES[name], SHAPES[name]
    if spoiled in {"dtype", "both"}:
        dtype = draw_from(st.sampled_from(OTHER_DTYPES))
    if spoiled in {"shape", "both"}:
        shape = tuple(draw_from(st.lists(st.integers(0, N + 1), max_size=4)))
    return stored(shape, dtype, draw_from(st.sampled_from(LAYOUTS)))


@st.composite
def calls(draw_from: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw_from(st.sampled_from(["step", "step", "step", "reset", "reseed", "set_state", "close"]))
    names = {
        "step": ["actions", "obs", "final_obs", "reward", "terminated", "truncated", "columns"],
        "reset": ["obs", "mask"],
        "reseed": ["seeds"],
    }.get(kind, [])
    given_arguments = {name: draw_from(arguments(name)) for name in names}
    if kind == "set_state":
        given_arguments["state"] = draw_from(st.binary(max_size=200) | st.none() | st.text())
    if given_arguments and draw_from(st.integers(0, 9)) == 0:
        given_arguments.pop(draw_from(st.sampled_from(sorted(given_arguments))))
    if kind == "step" and draw_from(st.integers(0, 9)) == 0:
        given_arguments["final_obs"] = given_arguments.get("obs")
    return kind, given_arguments


REFUSALS = (ValueError, TypeError, RuntimeError)
outcomes = {"refused": 0, "done": 0}


@pytest.mark.parametrize(
    "params",
    [
        preset("P1"),
        resolve_params("P1", {"action": {"kind": "multidiscrete"}, "episode": {"n_steps": 2}}),
    ],
    ids=["continuous", "multidiscrete"],
)
@pytest.mark.parametrize("n_threads", [1, 2])
@settings(max_examples=125, deadline=None, suppress_health_check=list(HealthCheck))
@given(wrong_calls=st.lists(calls(), min_size=4, max_size=4))
def test_no_call_ends_the_interpreter(
    params: Any, n_threads: int, wrong_calls: list[tuple[str, dict[str, Any]]]
) -> None:
    batch = Batch(engine_params(params), seeds=environment_keys(0, N), n_threads=n_threads)
    batch.reset(obs=np.zeros((N, 2), np.float32))
    for kind, given_arguments in wrong_calls:
        try:
            getattr(batch, kind)(**given_arguments)
        except REFUSALS as error:
            assert not isinstance(error, InvariantError), "bad input is not our bug"
            assert str(error)
            outcomes["refused"] += 1
        else:
            outcomes["done"] += 1


def test_most_of_those_calls_were_wrong() -> None:
    total = sum(outcomes.values())
    if total == 0:
        pytest.skip("the test above ran in another process")
    print(outcomes)
    assert total >= 4 * 4 * 100
    assert outcomes["refused"] > total / 2
    assert outcomes["done"] > 10
