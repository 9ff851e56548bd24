"""Random wrong calls of the engine end in exceptions, never in the end of the interpreter."""

from __future__ import annotations

from collections.abc import Callable
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
OTHER_DTYPES = [
    "f2",
    "f4",
    "f8",
    ">f4",
    ">f8",
    "i4",
    "i8",
    "u8",
    "?",
    "u1",
    "c8",
    "S3",
    "O",
    "M8[s]",
]
NOT_ARRAYS: list[Any] = [
    None,
    0,
    1.5,
    "x",
    b"x",
    [],
    [[0.0, 0.0]],
    (),
    {},
    object(),
    np.float32(0),
    int,
]


def read_only(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    array = np.zeros(shape, dtype)
    array.flags.writeable = False
    return array


def at_odd_address(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    return np.zeros(n_bytes + 1, np.uint8)[1:].view(dtype).reshape(shape)


def garbage(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    bits = np.random.default_rng(n_bytes).integers(0, 256, n_bytes, np.uint8)
    return bits.view(dtype).reshape(shape)


LAYOUTS: dict[str, Callable[[tuple[int, ...], np.dtype[Any]], np.ndarray]] = {
    "plain": np.zeros,
    "fortran": lambda shape, dtype: np.zeros(shape, dtype, order="F"),
    "read-only": read_only,
    "strided": lambda shape, dtype: np.zeros((*shape, 2), dtype)[..., 0],
    "backwards": lambda shape, dtype: np.flip(np.zeros(shape, dtype)),
    "broadcast": lambda shape, dtype: np.broadcast_to(np.zeros((), dtype), shape),
    "odd": at_odd_address,
    "masked": lambda shape, dtype: np.ma.masked_array(np.zeros(shape, dtype), mask=False),
    "garbage": garbage,
}


def stored(shape: tuple[int, ...], name: str, layout: str) -> np.ndarray:
    """An array of this shape whose memory is laid out as asked."""
    return LAYOUTS["plain" if name == "O" else layout](shape, np.dtype(name))


@st.composite
def arguments(draw_from: st.DrawFn, name: str) -> Any:
    """The right array, an array with one or more things wrong, or no array at all."""
    spoiled = draw_from(
        st.sampled_from(["right", "right", "right", "dtype", "shape", "both", "none"])
    )
    if spoiled == "none":
        return draw_from(st.sampled_from(NOT_ARRAYS))
    dtype, shape = DTYPES[name], SHAPES[name]
    if spoiled in {"dtype", "both"}:
        dtype = draw_from(st.sampled_from(OTHER_DTYPES))
    if spoiled in {"shape", "both"}:
        shape = tuple(draw_from(st.lists(st.integers(0, N + 1), max_size=4)))
    return stored(shape, dtype, draw_from(st.sampled_from(sorted(LAYOUTS))))


@st.composite
def calls(draw_from: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw_from(
        st.sampled_from(["step", "step", "step", "reset", "reseed", "set_state", "close"])
    )
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
PROBLEMS = {
    "continuous": preset("P1"),
    "multidiscrete": resolve_params(
        "P1", {"action": {"kind": "multidiscrete"}, "episode": {"n_steps": 2}}
    ),
}


# 4 x 125 x 4 = 2000 calls.
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_no_call_ends_the_interpreter(problem: str, n_threads: int) -> None:
    params = engine_params(PROBLEMS[problem])
    outcomes = {"refused": 0, "done": 0}

    @settings(max_examples=125, deadline=None, suppress_health_check=list(HealthCheck))
    @given(wrong_calls=st.lists(calls(), min_size=4, max_size=4))
    def make(wrong_calls: list[tuple[str, dict[str, Any]]]) -> None:
        batch = Batch(params, seeds=environment_keys(0, N), n_threads=n_threads)
        batch.reset(obs=np.zeros((N, 2), np.float32))
        for kind, given_arguments in wrong_calls:
            text = ""
            try:
                getattr(batch, kind)(**given_arguments)
                outcomes["done"] += 1
            except InvariantError:
                raise  # bad input is not our bug
            except REFUSALS as error:
                text = str(error)
                outcomes["refused"] += 1
            else:
                continue
            assert text

    make()
    assert sum(outcomes.values()) >= 500
    assert outcomes["refused"] > outcomes["done"] > 10
