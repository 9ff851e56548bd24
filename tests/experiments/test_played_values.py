"""What the engine plays is worth what the solvers say, on the sets that tell agents apart."""

from __future__ import annotations

import pytest

from experiments.config import CertifyConfig
from experiments.simulation import Case, Simulation, simulate
from rlmm_tf.agents.baselines import ExactOptimum
from rlmm_tf.agents.exact.optimum import solve_continuous
from rlmm_tf.agents.exact.problem import played_rule, quoting_model
from rlmm_tf.agents.exact.stepped import evaluate_stepped
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset, resolve_params

EPISODES = {"P1": 1024, "P6": 512, "P7": 512, "R1": 2048}


def case_of(params: EnvParams) -> Case:
    """The optimum of continuous time as the simulator lets it be played."""
    model = quoting_model(params)
    rule = ExactOptimum(solve_continuous(model, 200))
    n_steps = params.episode.n_steps
    value = evaluate_stepped(model, played_rule(rule, params), n_steps).at()
    return Case(params, model, rule, value, value)


def played(name: str, case: Case) -> Simulation:
    n = EPISODES[name]
    config = CertifyConfig(set_name=name, seeds=1, episodes=n, envs=n, confidence=0.999)
    return simulate(config, case, None, progress=lambda *_: None)


@pytest.mark.parametrize("name", ["P6", "P7", "R1"])
def test_the_engine_agrees_with_the_exact_value(name: str) -> None:
    case = case_of(preset(name))
    simulation = played(name, case)
    assert simulation.agrees, simulation
    assert simulation.half_width < 0.04 * case.expected  # so that it could have disagreed


def test_the_engine_agrees_where_fills_depend_on_the_volatility() -> None:
    ticks = preset("P1").market.regimes[0].volatility_ticks  # type: ignore[union-attr]
    market = {"fill_volatility_exponent": 1.0, "volatility_reference_ticks": ticks / 2}
    case = case_of(resolve_params("P1", {"market": market}))
    assert played("P1", case).agrees
    # With the other sign, or none, fills would reach less deep and the value would be lower.
    assert case.expected > 1.2 * case_of(preset("P1")).expected
