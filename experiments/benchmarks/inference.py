"""One decision at a time: observation to sampled action and log-probability, in microseconds.

Each call is timed by itself inside the engine, the reading of the clock included (about 0.02 µs);
observations and draws change from call to call. No Python runs between the calls.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.config import InferenceBenchConfig
from rlmm_tf.env import PolicySpec, PolicyWeights, aligned_empty, make_policy

NETWORKS = {"64x64": (64, 64), "256x256": (256, 256)}
P50_US_MOST = {"64x64": 1.0, "256x256": 8.0}
N_OBSERVATIONS = 1024
N_WARM_UP = 2000


def run(config: InferenceBenchConfig) -> dict[str, Any]:
    """Measures and returns the figures."""
    figures: dict[str, Any] = {"calls": config.calls, "obs_width": config.obs_width}
    rng = np.random.default_rng(config.root_seed)
    obs = aligned_empty((N_OBSERVATIONS, config.obs_width), np.float32)
    obs[...] = rng.normal(size=obs.shape)
    for name, hidden in NETWORKS.items():
        spec = PolicySpec(config.obs_width, "gaussian", (2,), hidden=hidden)
        weights = PolicyWeights.random(spec, rng)
        weights.obs_mean = np.zeros(spec.obs_width)
        weights.obs_variance = np.ones(spec.obs_width)
        policy = make_policy(spec, weights)
        policy.time_act(obs=obs, seconds=np.empty(N_WARM_UP))
        seconds = np.empty(config.calls)
        policy.time_act(obs=obs, seconds=seconds)
        p50, p99 = np.percentile(seconds, (50, 99)) * 1e6
        figures |= {f"p50_us_{name}": float(p50), f"p99_us_{name}": float(p99)}
        figures["isa"] = policy.isa
    return figures


def shortfall(config: InferenceBenchConfig, figures: dict[str, Any]) -> str | None:
    """What is missing to the promised speed, in a line; None where nothing is."""
    if not config.require:
        return None
    slow = [
        f"p50_us_{name}: expected at most {most}, got {figures[f'p50_us_{name}']:.3g}"
        for name, most in P50_US_MOST.items()
        if figures[f"p50_us_{name}"] > most
    ]
    return "; ".join(slow) + "; is the machine busy?" if slow else None
