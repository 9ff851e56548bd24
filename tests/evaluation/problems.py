"""Small problems and players for tests of evaluations."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlmm_tf.agents.baselines import InventorySkew
from rlmm_tf.env import PolicySpec, PolicyWeights
from rlmm_tf.evaluation.baselines import rule_player
from rlmm_tf.evaluation.play import NetworkPlayer, RulePlayer
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params


def small_problem(name: str = "book-small-tick", **overrides: Any) -> EnvParams:
    """A minute or two of a market, quickly begun."""
    values: dict[str, Any] = {"episode": {"n_steps": 12}}
    if name.startswith("book"):
        values["market"] = {"warmup_ns": 20_000_000_000}
    return resolve_params(resolve_params(name, values), overrides)


def skewed(params: EnvParams, half_ticks: float = 6.0, skew: float = 0.5) -> RulePlayer:
    """A rule that fills now and then."""
    return rule_player("skewed", params, InventorySkew(half_ticks, skew))


def networked(params: EnvParams, seed: int = 0) -> NetworkPlayer:
    """A policy with weights out of the air."""
    spec = PolicySpec.for_params(params, hidden=(8,))
    weights = PolicyWeights.random(spec, np.random.default_rng(seed))
    return NetworkPlayer("networked", params, spec, weights)
