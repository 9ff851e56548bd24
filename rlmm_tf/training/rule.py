"""A learned policy as a quoting rule: what exact scores are computed of."""

from __future__ import annotations

import numpy as np

from rlmm_tf.agents.baselines import Depths, Regimes
from rlmm_tf.agents.exact.model import Floats, require
from rlmm_tf.agents.exact.problem import action_writing
from rlmm_tf.env import PolicySpec, PolicyWeights, make_policy, observation_layout
from rlmm_tf.params import EnvParams


class LearnedRule:
    """The policy's mode, by the network that plays: what is scored is what is played."""

    def __init__(self, spec: PolicySpec, weights: PolicyWeights, params: EnvParams) -> None:
        self._layout = observation_layout(params)
        known = {"time_left", "inventory", *(f"regime_{k}" for k in range(params.market.n_regimes))}
        names = self._layout.names
        remedy = "set observation.features to these"
        expected = "time_left, inventory and regime only"
        require(set(names) <= known, "observation.features", expected, names, remedy)
        self._policy = make_policy(spec, weights)
        self._action = action_writing(params)

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Bid and ask depth, price units."""
        shape = np.shape(time_left_s)
        values = {"time_left": np.ravel(time_left_s), "inventory": np.ravel(inventory_lots)}
        obs = np.zeros((len(values["time_left"]), len(self._layout)), np.float32)
        for i, column in enumerate(self._layout.columns):
            value = values.get(column.name)
            if value is None:
                assert regime is not None  # a regime is observed
                value = np.ravel(regime) == int(column.name.removeprefix("regime_"))
            obs[:, i] = np.clip(value / column.scale, column.low, column.high)
        actions = np.empty((len(obs), self._action.n_actions), np.float32)
        self._policy.act(obs, actions=actions)
        low, high = self._action.offset_min, self._action.offset_max
        depths = low + 0.5 * (np.clip(actions.astype(np.float64), -1.0, 1.0) + 1.0) * (high - low)
        return depths[:, 0].reshape(shape), depths[:, 1].reshape(shape)
