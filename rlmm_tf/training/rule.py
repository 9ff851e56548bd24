"""A learned policy as a quoting rule: what exact scores are computed of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.baselines import DepthRule, Depths, Regimes
from rlmm_tf.agents.exact.model import Floats, require
from rlmm_tf.env import PolicySpec, PolicyWeights, make_policy, observation_layout
from rlmm_tf.params import EnvParams

ORDERS = ("market_sells", "market_buys")
REGIMES = ("regime_", "regime_probability_")
ROUNDING = 1e-6  # of a step: a time that should be a whole number of them


class HeldRule:
    """A rule as a simulator that steps time plays it: depths of a step's start, until its end.

    A policy of choices has jumps wherever it changes its mind; held for whole steps they come where
    steps end, and an integration in as many steps meets none inside of one.
    """

    def __init__(self, rule: DepthRule, step_s: float) -> None:
        self._rule, self._step_s = rule, step_s

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Bid and ask depth, price units."""
        steps = np.ceil(np.asarray(time_left_s) / self._step_s - ROUNDING)
        return self._rule.depths(steps * self._step_s, inventory_lots, regime)


class LearnedRule:
    """The policy's mode, by the network that plays: what is scored is what is played.

    Of a policy that only knows probabilities of the regimes, it is what is quoted when the filter
    is sure of the regime and no order has come in the step before.
    """

    def __init__(self, spec: PolicySpec, weights: PolicyWeights, params: EnvParams) -> None:
        self._layout = observation_layout(params)
        regimes = range(params.market.n_regimes)
        names = self._layout.names
        known = {"time_left", "inventory"} | {f"{name}{k}" for name in REGIMES for k in regimes}
        if any(name.startswith(REGIMES[1]) for name in names):
            known |= set(ORDERS)  # else what is quoted after an order would not be scored
        remedy = "set observation.features to these"
        expected = "time_left, inventory and regime only (or its probabilities and market orders)"
        require(set(names) <= known, "observation.features", expected, names, remedy)
        sides = spec.actions[:2]
        remedy = "set action.kind to 'multidiscrete', without withdraw_choice"
        paired = spec.head != "categorical" or (len(sides) == 2 and sides[0] == sides[1])
        require(paired, "action", "the same offsets for bid and ask", spec.actions, remedy)
        self._spec = spec
        self._policy = make_policy(spec, weights)
        action, unit = params.action, params.tick_value
        self._low, self._high = action.offset_min_ticks * unit, action.offset_max_ticks * unit

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Bid and ask depth, price units."""
        shape = np.shape(time_left_s)
        values = {"time_left": np.ravel(time_left_s), "inventory": np.ravel(inventory_lots)}
        obs = np.zeros((len(values["time_left"]), len(self._layout)), np.float32)
        for i, column in enumerate(self._layout.columns):
            if column.name in ORDERS:
                continue
            value = values.get(column.name)
            if value is None:
                assert regime is not None  # a regime is observed
                value = np.ravel(regime) == int(column.name.rpartition("_")[2])
            obs[:, i] = np.clip(value / column.scale, column.low, column.high)
        depths = self._low + self._shares(obs) * (self._high - self._low)
        return depths[:, 0].reshape(shape), depths[:, 1].reshape(shape)

    def _shares(self, obs: NDArray[np.float32]) -> Floats:
        """Of the range of offsets, (rows, 2)."""
        spec = self._spec
        if spec.head == "categorical":
            chosen = np.empty((len(obs), len(spec.actions)), np.int64)
            self._policy.act(obs, actions=chosen)
            return chosen[:, :2] / (spec.actions[0] - 1)
        actions = np.empty((len(obs), spec.actions[0]), np.float32)
        self._policy.act(obs, actions=actions)
        return 0.5 * (np.clip(actions[:, :2].astype(np.float64), -1.0, 1.0) + 1.0)
