"""Rollouts with the policy inside the engine, against single steps and a network in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.env import (
    Batch,
    PolicySpec,
    PolicyWeights,
    RolloutArrays,
    act_on,
    available_isas,
    engine_params,
    make_policy,
    roll_out,
)
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import environment_keys

N_STEPS = 23
ACTIONS: dict[str, dict[str, Any]] = {
    "continuous": {"kind": "continuous", "sizes": True, "lots_min": 0, "lots_max": 3},
    "discrete": {"kind": "discrete", "offset_choices": 5, "withdraw_choice": True},
    "multidiscrete": {"kind": "multidiscrete", "sizes": True, "lots_min": 0, "lots_max": 3},
}
KINDS = [*ACTIONS, "squashed", "book"]


def problem(kind: str) -> EnvParams:
    """Short episodes that are cut off, in a market with regimes or on an order book."""
    return resolve_params(
        "book-large-tick" if kind == "book" else "R1",
        {
            "action": ACTIONS.get(kind, ACTIONS["continuous"]),
            "episode": {"n_steps": 9, "horizon_ends": "truncated"},
        },
    )


def spec_of(kind: str, **others: Any) -> PolicySpec:
    others.setdefault("value_hidden", (16,))
    return PolicySpec.for_params(
        problem(kind), squashed=kind == "squashed", hidden=(32, 20), **others
    )


def weights_of(spec: PolicySpec) -> PolicyWeights:
    rng = np.random.default_rng(5)
    weights = PolicyWeights.random(spec, rng)
    if weights.log_std is not None:
        weights.log_std[...] = rng.uniform(-1.5, 0.0, weights.log_std.shape)
    weights.obs_mean = rng.normal(0.0, 0.5, spec.obs_width)
    weights.obs_variance = rng.uniform(0.1, 2.0, spec.obs_width)
    return weights


def started_batch(kind: str, n_envs: int, n_threads: int = 1, seed: int = 3) -> Batch:
    params = problem(kind)
    keys = environment_keys(seed, n_envs)
    batch = Batch(engine_params(params), seeds=keys, n_threads=n_threads)
    batch.reset(obs=np.empty((n_envs, spec_of(kind).obs_width), np.float32))
    return batch


def new_arrays(spec: PolicySpec, n_envs: int, n_steps: int = N_STEPS) -> RolloutArrays:
    """With everything, zeroed: rows that the engine leaves alone compare equal."""
    arrays = RolloutArrays.empty(spec, n_steps=n_steps, n_envs=n_envs, final_obs=True, columns=True)
    for array in arrays.named().values():
        if array is not None:
            array.fill(0)
    return arrays


def assert_same(got: RolloutArrays, expected: RolloutArrays) -> None:
    for name, array in expected.named().items():
        other = getattr(got, name)
        if array is not None:
            assert array.tobytes() == other.tobytes(), name


def stepped(batch: Batch, kind: str, n_envs: int) -> RolloutArrays:
    """A call from Python for each step's actions and one for the step."""
    spec = spec_of(kind)
    policy = make_policy(spec, weights_of(spec))
    arrays = new_arrays(spec, n_envs)
    unused = np.zeros(spec.action_shape, arrays.actions.dtype)
    batch.observe(obs=arrays.obs[0])
    for t in range(N_STEPS):
        act_on(batch, policy, arrays, t)
        following = arrays.obs[t + 1] if t + 1 < N_STEPS else arrays.last_obs
        outputs = {
            name: getattr(arrays, name)[t]
            for name in ("final_obs", "reward", "terminated", "truncated", "columns")
        }
        batch.step(arrays.actions[t], obs=following, **outputs)
        rows = np.flatnonzero(outputs["truncated"])
        if arrays.final_value is not None and len(rows):
            values = np.zeros(len(rows), np.float32)
            ended = np.ascontiguousarray(outputs["final_obs"][rows])
            policy.act(ended, actions=np.stack([unused] * len(rows)), value=values)
            arrays.final_value[t, rows] = values
    actions = np.stack([unused] * n_envs)
    policy.act(arrays.last_obs, actions=actions, value=arrays.last_value)
    return arrays


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_envs", "n_threads"), [(1, 1), (3, 2), (70, 1), (70, 3)])
def test_equals_single_steps(kind: str, n_envs: int, n_threads: int) -> None:
    expected = stepped(started_batch(kind, n_envs), kind, n_envs)
    assert expected.truncated.any()
    spec = spec_of(kind)
    for isa in available_isas():
        got = new_arrays(spec, n_envs)
        policy = make_policy(spec, weights_of(spec), isa=isa)
        roll_out(started_batch(kind, n_envs, n_threads), policy, got)
        assert_same(got, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_goes_on_from_a_saved_state(kind: str) -> None:
    spec = spec_of(kind)
    policy = make_policy(spec, weights_of(spec))
    whole = new_arrays(spec, 5, 20)
    roll_out(started_batch(kind, 5), policy, whole)
    first, second = new_arrays(spec, 5, 13), new_arrays(spec, 5, 7)
    batch = started_batch(kind, 5)
    roll_out(batch, policy, first)
    other = started_batch(kind, 5, n_threads=2, seed=99)
    other.set_state(batch.state())
    roll_out(other, policy, second)
    for name in ("obs", "actions", "log_prob", "value", "reward", "truncated", "columns"):
        pieces = [getattr(part, name) for part in (first, second)]
        assert np.concatenate(pieces).tobytes() == getattr(whole, name).tobytes(), name
    assert first.last_obs.tobytes() == second.obs[0].tobytes()
    assert first.last_value is not None
    assert second.value is not None
    assert first.last_value.tobytes() == second.value[0].tobytes()


def forward(obs: NDArray[Any], weights: PolicyWeights, layers: list[Any]) -> NDArray[np.float64]:
    """The network in float64; tanh between the layers."""
    assert weights.obs_mean is not None
    assert weights.obs_variance is not None
    scale = np.sqrt(weights.obs_variance + weights.spec.obs_epsilon)
    x = np.clip((obs - weights.obs_mean) / scale, -weights.spec.obs_clip, weights.spec.obs_clip)
    for i, (kernel, bias) in enumerate(layers):
        x = x @ kernel.astype(np.float64) + bias
        if i + 1 < len(layers):
            x = np.tanh(x)
    return x


def normal_log_prob(
    x: NDArray[Any], mean: NDArray[np.float64], log_std: NDArray[Any]
) -> NDArray[np.float64]:
    z = (x - mean) * np.exp(-log_std.astype(np.float64))
    return -0.5 * z * z - log_std - 0.5 * np.log(2 * np.pi)


def expected_log_prob(
    spec: PolicySpec, weights: PolicyWeights, arrays: RolloutArrays
) -> NDArray[np.float64]:
    """From the stored actions, in float64."""
    outputs = forward(arrays.obs, weights, weights.actor_layers())
    if spec.head == "gaussian":
        assert weights.log_std is not None
        return normal_log_prob(arrays.actions, outputs, weights.log_std).sum(-1)
    if spec.head == "tanh_gaussian":
        assert arrays.pre_squash is not None
        u = arrays.pre_squash.astype(np.float64)
        mean, log_std = np.split(outputs, 2, axis=-1)
        slope = 2 * (np.log(2) - u - np.logaddexp(0, -2 * u))
        return (normal_log_prob(u, mean, log_std) - slope).sum(-1)
    total = np.zeros(arrays.obs.shape[:2])
    choices = arrays.actions.reshape(*total.shape, -1)
    groups = np.split(outputs, np.cumsum(spec.actions)[:-1], axis=-1)
    for i, logits in enumerate(groups):
        chosen = np.take_along_axis(logits, choices[..., i : i + 1], axis=-1)[..., 0]
        total += chosen - np.logaddexp.reduce(logits, axis=-1)
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_float64(kind: str) -> None:
    spec = spec_of(kind)
    weights = weights_of(spec)
    arrays = new_arrays(spec, 40)
    roll_out(started_batch(kind, 40), make_policy(spec, weights), arrays)
    expected = expected_log_prob(spec, weights, arrays)
    np.testing.assert_allclose(arrays.log_prob, expected, rtol=1e-5, atol=2e-5)
    values = forward(arrays.obs, weights, weights.value_layers())[..., 0]
    assert arrays.value is not None
    np.testing.assert_allclose(arrays.value, values, rtol=1e-5, atol=1e-5)
    if arrays.pre_squash is not None:
        np.testing.assert_allclose(arrays.actions, np.tanh(arrays.pre_squash), atol=1e-7)


def test_mode_is_the_mean() -> None:
    spec = spec_of("continuous")
    weights = weights_of(spec)
    arrays = new_arrays(spec, 4)
    roll_out(started_batch("continuous", 4), make_policy(spec, weights), arrays, deterministic=True)
    mean = forward(arrays.obs, weights, weights.actor_layers())
    np.testing.assert_allclose(arrays.actions, mean, atol=1e-5)


def test_sampled_actions_follow_the_law() -> None:
    """Six standard errors: about 1e-8 to fail by chance, were the seed not fixed."""
    spec = spec_of("continuous")
    weights = weights_of(spec)
    arrays = new_arrays(spec, 2000)
    roll_out(started_batch("continuous", 2000), make_policy(spec, weights), arrays)
    assert weights.log_std is not None
    mean = forward(arrays.obs, weights, weights.actor_layers())
    z = ((arrays.actions - mean) / np.exp(weights.log_std)).reshape(-1, len(weights.log_std))
    n = len(z)
    assert np.abs(z.mean(0)).max() < 6 / np.sqrt(n)
    assert np.abs(z.var(0) - 1).max() < 6 * np.sqrt(2 / n)
    correlation = np.corrcoef(z.T) - np.eye(z.shape[1])
    assert np.abs(correlation).max() < 6 / np.sqrt(n)
    following = np.corrcoef(z[:-2000].ravel(), z[2000:].ravel())[0, 1]
    assert abs(following) < 6 / np.sqrt(z.size)


def test_sampled_choices_follow_the_law() -> None:
    spec = spec_of("discrete")
    weights = weights_of(spec)
    weights.actor[:] = 0.0
    _, bias = weights.actor_layers()[-1]
    bias[:] = np.random.default_rng(8).normal(size=len(bias))
    arrays = new_arrays(spec, 2000)
    roll_out(started_batch("discrete", 2000), make_policy(spec, weights), arrays)
    p = np.exp(bias - np.logaddexp.reduce(bias))
    count = np.bincount(arrays.actions.ravel(), minlength=len(p))
    n = arrays.actions.size
    assert np.all(np.abs(count - n * p) < 6 * np.sqrt(n * p * (1 - p)))


@pytest.mark.global_randomness("importing tensorflow draws from it")
def test_log_prob_equals_tensorflow_probability() -> None:
    tfp = pytest.importorskip("tensorflow_probability")
    spec = spec_of("squashed")
    weights = weights_of(spec)
    arrays = new_arrays(spec, 40)
    roll_out(started_batch("squashed", 40), make_policy(spec, weights), arrays)
    outputs = forward(arrays.obs, weights, weights.actor_layers())
    mean, log_std = np.split(outputs, 2, axis=-1)
    squash = tfp.bijectors.Tanh()
    law = tfp.distributions.TransformedDistribution(
        tfp.distributions.Normal(mean, np.exp(log_std)), squash
    )
    assert arrays.pre_squash is not None
    squashed = squash.forward(arrays.pre_squash.astype(np.float64))
    expected = law.log_prob(squashed).numpy().sum(-1)
    np.testing.assert_allclose(arrays.log_prob, expected, rtol=1e-5, atol=2e-5)
