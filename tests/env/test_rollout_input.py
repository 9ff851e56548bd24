"""What policies and rollouts refuse: each message names the argument, what it should be and was."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from rlmm_tf.env import (
    Batch,
    Policy,
    PolicySpec,
    PolicyWeights,
    RolloutArrays,
    available_isas,
    draw_names,
    engine_params,
    make_policy,
    roll_out,
)
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import environment_keys

N, T = 3, 4
PARAMS = resolve_params("P1", {})
SPEC = PolicySpec.for_params(PARAMS, hidden=(8,), value_hidden=(8,))
WIDTH = SPEC.obs_width


def small_policy(spec: PolicySpec = SPEC) -> Policy:
    return make_policy(spec, PolicyWeights.random(spec, np.random.default_rng(0)))


def small_batch() -> Batch:
    batch = Batch(engine_params(PARAMS), seeds=environment_keys(0, N))
    batch.reset(obs=np.empty((N, WIDTH), np.float32))
    return batch


def arrays_with(**changes: Any) -> RolloutArrays:
    full = RolloutArrays.empty(SPEC, n_steps=T, n_envs=N, final_obs=True, columns=True)
    return replace(full, **changes)


def read_only(shape: tuple[int, ...]) -> Any:
    array = np.zeros(shape, np.float32)
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("obs", np.zeros((T, N), np.float32), rf"obs: expected shape (0, {N}, {WIDTH}), got"),
        ("obs", np.zeros((T, N, WIDTH)), "obs: expected dtype float32, got float64"),
        ("obs", [1.0], "obs: expected a numpy array, got list"),
        ("obs", np.zeros((T, N, 2 * WIDTH), np.float32)[..., ::2], "obs: expected a C-contiguous"),
        ("actions", np.zeros((T, N, 2)), "actions: expected dtype float32, got float64"),
        ("actions", np.zeros((T, N, 3), np.float32), f"actions: expected shape ({T}, {N}, 2), got"),
        ("log_prob", np.zeros((T + 1, N), np.float32), f"log_prob: expected shape ({T}, {N}), got"),
        ("log_prob", read_only((T, N)), "log_prob: expected a writable array, got a read-only one"),
        ("reward", np.zeros((T, N), np.float32), "reward: expected dtype float64, got float32"),
        ("terminated", np.zeros((T, N), np.int8), "terminated: expected dtype bool, got int8"),
        ("truncated", np.zeros((N, T), np.bool_), f"truncated: expected shape ({T}, {N}), got"),
        ("value", np.zeros((T,), np.float32), f"value: expected shape ({T}, {N}), got ({T},)"),
        ("final_value", np.zeros((T, N)), "final_value: expected dtype float32, got float64"),
        ("last_value", np.zeros(N + 1, np.float32), f"last_value: expected shape ({N},), got"),
        ("last_obs", np.zeros((N, 1), np.float32), f"last_obs: expected shape ({N}, {WIDTH}), got"),
        ("final_obs", np.zeros((T, N, 1), np.float32), "final_obs: expected shape"),
        ("columns", np.zeros((T, N, 1)), "columns: expected shape"),
        ("pre_squash", np.zeros((T, N, 2), np.float32), "pre_squash: expected None for a head"),
    ],
)
def test_bad_arrays(name: str, value: Any, message: str) -> None:
    batch = small_batch()
    before = batch.state()
    with pytest.raises((TypeError, ValueError), match="^" + re.escape(message)):
        roll_out(batch, small_policy(), arrays_with(**{name: value}))
    assert batch.state() == before


def test_arrays_must_not_overlap() -> None:
    shared = np.zeros((T, N), np.float32)
    with pytest.raises(ValueError, match="value: expected memory of its own"):
        roll_out(small_batch(), small_policy(), arrays_with(log_prob=shared, value=shared))


def test_no_steps() -> None:
    arrays = RolloutArrays.empty(SPEC, n_steps=0, n_envs=N)
    with pytest.raises(ValueError, match="obs: expected at least one step, got none"):
        roll_out(small_batch(), small_policy(), arrays)


@pytest.mark.parametrize("name", ["value", "final_value", "last_value"])
def test_values_without_a_value_network(name: str) -> None:
    values = dict.fromkeys(("value", "final_value", "last_value"))
    arrays = arrays_with(**{**values, name: np.zeros(N if name == "last_value" else (T, N), "f4")})
    with pytest.raises(ValueError, match=f"^{name}: expected None for a policy without a value"):
        roll_out(small_batch(), small_policy(replace(SPEC, value_hidden=None)), arrays)


def test_closed_batch() -> None:
    batch = small_batch()
    batch.close()
    with pytest.raises(RuntimeError, match="batch: expected an open one"):
        roll_out(batch, small_policy(), arrays_with())


def test_policy_of_another_problem() -> None:
    other = replace(SPEC, obs_width=WIDTH + 1)
    with pytest.raises(ValueError, match="policy: expected one for observations of width"):
        roll_out(small_batch(), small_policy(other), arrays_with())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actor": np.zeros(7, np.float32)}, "actor: expected "),
        ({"actor": np.zeros((7, 1), np.float32)}, "actor: expected shape (n,), got (7, 1)"),
        ({"log_std": np.zeros(2)}, "log_std: expected dtype float32, got float64"),
        ({"log_std": None}, "log_std: expected 2 numbers, got 0"),
        ({"value": np.zeros(3, np.float32)}, "value: expected "),
        ({"obs_mean": np.zeros(WIDTH)}, f"obs_variance: expected {WIDTH} numbers, got 0"),
        ({"obs_mean": np.zeros(WIDTH), "obs_variance": -np.ones(WIDTH)}, "obs_variance[0]: expe"),
    ],
)
def test_bad_weights(changes: dict[str, Any], message: str) -> None:
    weights = replace(PolicyWeights.zeros(SPEC), **changes)
    with pytest.raises((TypeError, ValueError), match="^" + re.escape(message)):
        make_policy(SPEC, weights)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "beta"}, "head: expected one of (gaussian, tanh_gaussian, categorical), got"),
        ({"activation": "sine"}, "activation: expected one of (tanh, relu, silu), got 'sine'"),
        ({"value_activation": "x"}, "value_activation: expected one of (tanh, relu, silu)"),
        ({"actions": (1, 2)}, "actions: expected one width for this head"),
        ({"hidden": (0,)}, "actor.hidden: expected from 1 to 65536, got 0"),
        ({"hidden": (8.5,)}, "hidden[0]: expected an integer, got 8.5"),
        ({"hidden": 8}, "hidden: expected a sequence, got 8"),
        ({"value_hidden": "8"}, "value_hidden: expected a sequence, got '8'"),
        ({"value_hidden": None}, "value: expected none for a policy without a value network"),
        ({"log_std_bounds": (0.0,)}, "log_std_bounds: expected two numbers, got 1"),
        ({"obs_width": 2**70}, "obs_width: expected an integer of at most 64 bits"),
        ({"log_std_bounds": (2.0, 1.0)}, "log_std_min, log_std_max: expected finite numbers in or"),
    ],
)
def test_bad_specs(changes: dict[str, Any], message: str) -> None:
    weights = PolicyWeights.zeros(SPEC)
    with pytest.raises((TypeError, ValueError), match="^" + re.escape(message)):
        make_policy(replace(SPEC, **changes), weights)


def test_a_spec_has_all_its_fields_and_no_others() -> None:
    weights = PolicyWeights.zeros(SPEC)
    spec = asdict(SPEC)
    Policy(spec, actor=weights.actor, log_std=weights.log_std, value=weights.value)
    with pytest.raises(TypeError, match=r"^depth: expected no such field, got 3"):
        Policy({**spec, "depth": 3}, actor=weights.actor)
    for name in spec:
        with pytest.raises(TypeError, match=f"^{name}: expected a value, got none"):
            Policy({key: spec[key] for key in spec if key != name}, actor=weights.actor)


def test_a_value_network_needs_its_weights() -> None:
    weights = replace(PolicyWeights.zeros(SPEC), value=None)
    with pytest.raises(ValueError, match=r"^value: expected [0-9]+ numbers, .*, got 0"):
        make_policy(SPEC, weights)


def test_unknown_instruction_set() -> None:
    known = ", ".join(["auto", *available_isas()])
    with pytest.raises(ValueError, match=re.escape(f"isa: expected one of ({known}) on this")):
        make_policy(SPEC, PolicyWeights.zeros(SPEC), isa="mmx")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"draws": np.zeros((N, 2), np.uint64)}, f"draws: expected shape ({N}, 3), got ({N}, 2)"),
        ({"draws": np.zeros((N, 3), np.int64)}, "draws: expected dtype uint64, got int64"),
        ({"value": np.zeros(N)}, "value: expected dtype float32, got float64"),
        ({"actions": np.zeros((N, 2), np.int64)}, "actions: expected dtype float32, got int64"),
        ({"obs": np.full((N, WIDTH), np.nan, np.float32)}, "obs[0, 0]: expected a finite number"),
        ({"obs": np.zeros((N, 1), np.float32)}, f"obs: expected shape ({N}, {WIDTH}), got"),
        ({"obs": np.zeros(WIDTH, np.float32)}, "obs: expected shape"),
    ],
)
def test_bad_calls_of_act(changes: dict[str, Any], message: str) -> None:
    given = {
        "obs": np.zeros((N, WIDTH), np.float32),
        "actions": np.zeros((N, 2), np.float32),
        "draws": draw_names(small_batch()),
    }
    with pytest.raises((TypeError, ValueError), match="^" + re.escape(message)):
        small_policy().act(**{**given, **changes})


def test_entropy() -> None:
    policy = small_policy()
    entropy = np.zeros(N, np.float32)
    obs, actions = np.zeros((N, WIDTH), np.float32), np.zeros((N, 2), np.float32)
    policy.act(obs, actions=actions, entropy=entropy)
    np.testing.assert_allclose(entropy, np.log(2 * np.pi * np.e), rtol=1e-6)
    squashed = small_policy(replace(SPEC, head="tanh_gaussian"))
    with pytest.raises(ValueError, match="entropy: expected None for a tanh-squashed head"):
        squashed.act(obs, actions=actions, entropy=entropy)


def test_timing_needs_rows() -> None:
    seconds = np.zeros(5)
    with pytest.raises(ValueError, match="obs: expected at least one row, got none"):
        small_policy().time_act(obs=np.zeros((0, WIDTH), np.float32), seconds=seconds)
    small_policy().time_act(obs=np.zeros((2, WIDTH), np.float32), seconds=seconds)
    assert (seconds > 0).all()


def test_policy_made_without_weights() -> None:
    with pytest.raises(RuntimeError, match="policy: expected a made one"):
        _ = Policy.__new__(Policy).isa


def test_weights_are_copied() -> None:
    weights = PolicyWeights.random(SPEC, np.random.default_rng(0))
    policy = make_policy(SPEC, weights)
    obs = np.ones((1, WIDTH), np.float32)
    before, after = np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32)
    policy.act(obs, actions=before)
    weights.actor.fill(0.0)
    policy.act(obs, actions=after)
    assert (before == after).all()
