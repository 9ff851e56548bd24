"""Who decides on quotes: a trained network inside the engine, or a quoting rule."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env import PolicySpec, PolicyWeights, make_policy
from rlmm_tf.evaluation.play import NetworkPlayer, Player, RulePlayer
from rlmm_tf.messages import require_type


class Actor(Protocol):
    """From one observation, (1, width), to one action, (numbers,)."""

    def __call__(self, obs: NDArray[np.float32]) -> NDArray[Any]:
        """The action."""
        ...


class NetworkActor:
    """The mode of a trained policy."""

    def __init__(self, spec: PolicySpec, weights: PolicyWeights) -> None:
        """Copy the weights into the engine."""
        self._policy = make_policy(spec, weights)
        dtype = np.int64 if spec.head == "categorical" else np.float32
        self._actions = np.zeros((1, *spec.action_shape), dtype)

    def __call__(self, obs: NDArray[np.float32]) -> NDArray[Any]:
        """The action; the same array at every call."""
        self._policy.act(obs, actions=self._actions)
        return self._actions.reshape(-1)


def actor_of(player: Player) -> Actor:
    """The player of an evaluation, asked step by step."""
    if isinstance(player, NetworkPlayer):
        return NetworkActor(player.spec, player.weights)
    require_type("player", player, RulePlayer, "experiments.players makes players")
    assert isinstance(player, RulePlayer)
    rule = player.policy(player.params, range(1))
    return lambda obs: rule.act(obs)[0]
