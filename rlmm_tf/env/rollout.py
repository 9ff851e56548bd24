"""Rollouts with the policy inside the engine: T steps of N environments in one call.

    spec = PolicySpec.for_params(params, value_hidden=(64, 64))
    weights = PolicyWeights.zeros(spec)          # views of flat arrays: fill in the kernels
    for (kernel, bias), layer in zip(weights.actor_layers(), network.layers):
        kernel[...], bias[...] = layer.get_weights()
    policy = make_policy(spec, weights)
    arrays = RolloutArrays.empty(spec, n_steps=128, n_envs=256)
    roll_out(batch, policy, arrays)              # no Python per step, no lock held

The same numbers, bit for bit, come from T times `act_on` and `Batch.step`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env.engine import COLUMNS, Batch, observation_layout
from rlmm_tf.env.spaces import action_choices, action_width
from rlmm_tf.kernels.aligned import aligned_empty
from rlmm_tf.kernels.extension import _core
from rlmm_tf.messages import require_type
from rlmm_tf.params import EnvParams

Policy = _core.Policy
available_isas = _core.available_isas

Head = Literal["gaussian", "tanh_gaussian", "categorical"]
Activation = Literal["tanh", "relu", "silu"]
Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class PolicySpec:
    """What a policy looks like, without its weights.

    `actions`: (width,) of a continuous head, else the choices of each number. The actor puts out
    the mean (gaussian), mean and log-std (tanh_gaussian) or logits (categorical) of all numbers.
    """

    obs_width: int
    head: Head
    actions: tuple[int, ...]
    hidden: tuple[int, ...] = (64, 64)
    activation: Activation = "tanh"
    value_hidden: tuple[int, ...] | None = None
    """Of the value network; None: there is none."""
    value_activation: Activation = "tanh"
    obs_epsilon: float = 1e-8
    obs_clip: float = 10.0
    log_std_bounds: tuple[float, float] = (-20.0, 2.0)

    @classmethod
    def for_params(cls, params: EnvParams, *, squashed: bool = False, **others: Any) -> PolicySpec:
        """The spec that fits a problem; `squashed`: tanh_gaussian, where actions are continuous."""
        choices = action_choices(params.action)
        head: Head = "categorical"
        if choices is None:
            head = "tanh_gaussian" if squashed else "gaussian"
        actions = choices or (action_width(params.action),)
        return cls(len(observation_layout(params)), head, actions, **others)

    @property
    def action_shape(self) -> tuple[int, ...]:
        """Of one environment's action: () for a single choice, as in `Batch.step`."""
        if self.head == "categorical":
            return () if len(self.actions) == 1 else (len(self.actions),)
        return self.actions

    @property
    def actor_widths(self) -> tuple[int, ...]:
        """Input, hidden layers, output."""
        outputs = sum(self.actions) * (2 if self.head == "tanh_gaussian" else 1)
        return (self.obs_width, *self.hidden, outputs)

    @property
    def value_widths(self) -> tuple[int, ...] | None:
        """Input, hidden layers, output."""
        return None if self.value_hidden is None else (self.obs_width, *self.value_hidden, 1)


def layers_of(flat: NDArray[np.float32], widths: Sequence[int]) -> list[Layer]:
    """Views (kernel of shape (inputs, outputs), bias) of a flat array of weights."""
    layers, start = [], 0
    for n_inputs, n_outputs in pairwise(widths):
        middle = start + n_inputs * n_outputs
        stop = middle + n_outputs
        layers.append((flat[start:middle].reshape(n_inputs, n_outputs), flat[middle:stop]))
        start = stop
    return layers


def weight_count(widths: Sequence[int]) -> int:
    """Numbers in the kernels and biases of a network."""
    return sum((a + 1) * b for a, b in pairwise(widths))


@dataclass
class PolicyWeights:
    """The arrays a policy is made from, on cache lines; the policy copies them."""

    spec: PolicySpec
    actor: NDArray[np.float32]
    log_std: NDArray[np.float32] | None = None
    value: NDArray[np.float32] | None = None
    obs_mean: NDArray[np.float64] | None = None
    """Of the normaliser, with `obs_variance`; None: observations are used as they are."""
    obs_variance: NDArray[np.float64] | None = None

    @classmethod
    def zeros(cls, spec: PolicySpec) -> PolicyWeights:
        """All weights 0, no normaliser."""
        values = spec.value_widths
        return cls(
            spec,
            actor=_zeros(weight_count(spec.actor_widths)),
            log_std=_zeros(spec.actions[0]) if spec.head == "gaussian" else None,
            value=None if values is None else _zeros(weight_count(values)),
        )

    @classmethod
    def random(
        cls, spec: PolicySpec, rng: np.random.Generator, *, scale: float = 1.0
    ) -> PolicyWeights:
        """Kernels of standard deviation scale / sqrt(inputs): for tests and benchmarks."""
        weights = cls.zeros(spec)
        for kernel, bias in (*weights.actor_layers(), *weights.value_layers()):
            kernel[...] = rng.normal(0.0, scale / np.sqrt(len(kernel)), kernel.shape)
            bias[...] = rng.normal(0.0, 0.1 * scale, bias.shape)
        return weights

    def actor_layers(self) -> list[Layer]:
        """Views of the actor's kernels and biases."""
        return layers_of(self.actor, self.spec.actor_widths)

    def value_layers(self) -> list[Layer]:
        """Views of the value network's kernels and biases; none without one."""
        widths = self.spec.value_widths
        return [] if widths is None or self.value is None else layers_of(self.value, widths)


def make_policy(spec: PolicySpec, weights: PolicyWeights, *, isa: str = "auto") -> Policy:
    """The engine's own policy; `isa` is one of `available_isas()`, for tests: no bit depends on it.

    Raises:
        ValueError: for arrays that do not fit the spec or hold a number that is not finite.
    """
    require_type("spec", spec, PolicySpec, "PolicySpec.for_params makes one")
    require_type("weights", weights, PolicyWeights, "PolicyWeights.zeros makes them")
    described = {field.name: getattr(spec, field.name) for field in fields(spec)}
    arrays = {
        field.name: getattr(weights, field.name)
        for field in fields(weights)
        if field.name != "spec"
    }
    return Policy(described, **arrays, isa=isa)


@dataclass
class RolloutArrays:
    """All that a rollout writes, time-major and on cache lines; None is not written.

    Rows of `final_obs` whose episode did not end keep what they held. `final_value` is the value
    of the last observation of an episode that was truncated, 0 elsewhere: what a bootstrap needs.
    """

    obs: NDArray[np.float32]  # (T, N, width)
    actions: NDArray[Any]  # (T, N, ...), float32 or int64, as the policy emitted them
    log_prob: NDArray[np.float32]  # (T, N)
    reward: NDArray[np.float64]  # (T, N)
    terminated: NDArray[np.bool_]  # (T, N)
    truncated: NDArray[np.bool_]  # (T, N)
    last_obs: NDArray[np.float32]  # (N, width), after the last step
    pre_squash: NDArray[np.float32] | None = None  # (T, N, actions), of a tanh_gaussian head
    value: NDArray[np.float32] | None = None  # (T, N)
    final_value: NDArray[np.float32] | None = None  # (T, N)
    last_value: NDArray[np.float32] | None = None  # (N,)
    final_obs: NDArray[np.float32] | None = None  # (T, N, width)
    columns: NDArray[np.float64] | None = None  # (T, N, len(COLUMNS))

    @classmethod
    def empty(
        cls,
        spec: PolicySpec,
        *,
        n_steps: int,
        n_envs: int,
        final_obs: bool = False,
        columns: bool = False,
    ) -> RolloutArrays:
        """Uninitialised arrays for a policy; memory that is never written costs nothing."""
        times = (n_steps, n_envs)
        action_dtype = np.int64 if spec.head == "categorical" else np.float32
        wide = (*times, spec.obs_width)
        has_value = spec.value_hidden is not None
        squashed = spec.head == "tanh_gaussian"
        return cls(
            obs=aligned_empty(wide, np.float32),
            actions=aligned_empty((*times, *spec.action_shape), action_dtype),
            log_prob=aligned_empty(times, np.float32),
            reward=aligned_empty(times, np.float64),
            terminated=aligned_empty(times, np.bool_),
            truncated=aligned_empty(times, np.bool_),
            last_obs=aligned_empty(wide[1:], np.float32),
            pre_squash=aligned_empty((*times, *spec.actions), np.float32) if squashed else None,
            value=aligned_empty(times, np.float32) if has_value else None,
            final_value=aligned_empty(times, np.float32) if has_value else None,
            last_value=aligned_empty(n_envs, np.float32) if has_value else None,
            final_obs=aligned_empty(wide, np.float32) if final_obs else None,
            columns=aligned_empty((*times, len(COLUMNS)), np.float64) if columns else None,
        )

    def named(self) -> dict[str, Any]:
        """The arrays by name, as the engine takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def roll_out(
    batch: Batch, policy: Policy, arrays: RolloutArrays, *, deterministic: bool = False
) -> None:
    """Steps a started batch as many times as the arrays have room for.

    Args:
        batch: its environments go on from where they are and restart in the same step.
        policy: what it draws is named by environment and decision, so that rollouts in pieces and
            from a restored state draw the same.
        arrays: filled.
        deterministic: the policy's mode instead of a draw.
    """
    require_type("arrays", arrays, RolloutArrays, "RolloutArrays.empty makes them")
    _core.rollout(batch, policy, **arrays.named(), deterministic=deterministic)


def draw_names(batch: Batch) -> NDArray[np.uint64]:
    """(N, 3): what `Policy.act` takes as `draws` to draw for the next step as `roll_out` would."""
    require_type("batch", batch, Batch, "rlmm_tf.env.make_batch makes one")
    names = aligned_empty((batch.n_envs, 3), np.uint64)
    _core.draw_names(batch, out=names)
    return names


def act_on(
    batch: Batch, policy: Policy, arrays: RolloutArrays, t: int, *, deterministic: bool = False
) -> None:
    """The policy's part of step t of a rollout: reads obs[t], writes actions[t] and what is beside.

    The slow twin of `roll_out`, for whoever must do something between the steps.
    """
    policy.act(
        arrays.obs[t],
        actions=arrays.actions[t],
        draws=None if deterministic else draw_names(batch),
        log_prob=arrays.log_prob[t],
        value=None if arrays.value is None else arrays.value[t],
        pre_squash=None if arrays.pre_squash is None else arrays.pre_squash[t],
    )


def _zeros(n: int) -> NDArray[np.float32]:
    array = aligned_empty(n, np.float32)
    array.fill(0.0)
    return array
