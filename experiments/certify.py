"""Proof of an agent against exact optima: `rlmm certify`.

An agent's quotes are scored without noise, by the linear equations of a fixed policy, in the
textbook's continuous time and in the stepped simulator that it plays in. A simulation by the engine
must then agree with the stepped value within its confidence interval.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats

from experiments.errors import ConfigError, Problem
from rlmm_tf.agents.baselines import (
    AvellanedaStoikov,
    DepthPolicy,
    DepthRule,
    ExactOptimum,
    FixedSpread,
    GlftAsymptotic,
    Symmetric,
)
from rlmm_tf.agents.exact.best_rule import best_constant, best_linear, best_regime_linear
from rlmm_tf.agents.exact.closed_form import base_depth, solve_closed_form
from rlmm_tf.agents.exact.evaluation import evaluate
from rlmm_tf.agents.exact.model import QuotingModel
from rlmm_tf.agents.exact.optimum import solve_continuous
from rlmm_tf.agents.exact.problem import (
    action_writing,
    observation_reading,
    played_rule,
    quoting_model,
)
from rlmm_tf.agents.exact.stepped import evaluate_stepped
from rlmm_tf.agents.exact.stepped_optimum import solve_stepped
from rlmm_tf.env import MarketMakingVectorEnv, observation_layout
from rlmm_tf.params import NS_PER_S, EnvParams
from rlmm_tf.presets import preset, resolve_params
from rlmm_tf.seeding import seed_sequence

if TYPE_CHECKING:
    from experiments.config import CertifyConfig
    from experiments.console import Progress
    from experiments.run import RunDirectory

PILOT_EPISODES = 4096
RISK_AVERSE_ONLY = ("symmetric", "avellaneda_stoikov")


def _exact(model: QuotingModel) -> DepthRule:
    return ExactOptimum(solve_continuous(model))


_RULES: dict[str, Callable[[QuotingModel], DepthRule]] = {
    "exact": _exact,
    "fixed": lambda model: FixedSpread(base_depth(model)),
    "best_constant": lambda model: best_constant(model).rule,
    "best_linear": lambda model: best_linear(model).rule,
    "regime_linear": lambda model: best_regime_linear(model).rule,
    "symmetric": Symmetric.from_model,
    "avellaneda_stoikov": AvellanedaStoikov.from_model,
    "glft_asymptotic": GlftAsymptotic.from_model,
}
AGENTS = tuple(_RULES)


class ExactValues(BaseModel):
    """Values known without noise, from zero inventory (or the mean over the starting range)."""

    model_config = ConfigDict(frozen=True)

    optimum_textbook: float  # any depth, fill rates uncapped
    optimum: float  # as the simulator bounds depths and fills, continuous time
    optimum_stepped: float | None  # the best that can be had in the stepped simulator
    best_constant: float | None  # risk-neutral sets only
    agent_textbook: float
    agent: float
    agent_stepped: float
    percent_of_optimum: float
    gap_closure_percent: float | None  # from the best constant (0 %) to the optimum (100 %)


class Simulation(BaseModel):
    """What the engine measured."""

    model_config = ConfigDict(frozen=True)

    value: float
    half_width: float
    confidence: float
    episodes: int
    by_seed: list[float]
    agrees: bool  # the agent's stepped value lies in the interval
    optimum_in_interval: bool


class CertifyResult(BaseModel):
    """Everything `rlmm certify` found."""

    model_config = ConfigDict(frozen=True)

    set_name: str
    agent: str
    exact: ExactValues
    simulation: Simulation
    exit_ok: bool


@dataclass(frozen=True)
class _Problem:
    """The set, in the three forms it is needed in."""

    params: EnvParams
    model: QuotingModel
    textbook: QuotingModel

    def mean_over_start(self, value_at: Callable[[int], float]) -> float:
        """Mean over the starting inventories, which are equally likely."""
        start = self.params.episode
        lots = range(start.initial_inventory_min_lots, start.initial_inventory_max_lots + 1)
        return sum(map(value_at, lots)) / len(lots)


def run_certify(config: CertifyConfig, run: RunDirectory, *, progress: Progress) -> CertifyResult:
    """Scores the agent, simulates it, and writes `policy_table.csv` and `result.json`."""
    params = _params(config)
    problem = _Problem(params, quoting_model(params), quoting_model(params, textbook=True))
    progress(0.0, 1.0, "solving")
    rule = _agent_rule(config.agent, problem)
    exact = _exact_values(problem, rule)
    run.write("policy_table.csv", _policy_table(config, problem, rule))
    simulation = _simulate(config, problem, rule, exact, progress)
    result = CertifyResult(
        set_name=config.set_name,
        agent=config.agent,
        exact=exact,
        simulation=simulation,
        exit_ok=simulation.agrees,
    )
    run.write("result.json", result.model_dump_json(indent=2) + "\n")
    return result


def _params(config: CertifyConfig) -> EnvParams:
    """The set, with as many decisions per episode and as much inventory as asked for."""
    params = preset(config.set_name)
    overrides: dict[str, dict[str, int]] = {}
    if config.inventory_cap_lots is not None:
        overrides["limits"] = {"inventory_cap_lots": config.inventory_cap_lots}
    if config.steps is not None:
        step_ns = round(params.episode.horizon_s * NS_PER_S / config.steps)
        overrides["episode"] = {"n_steps": config.steps, "step_ns": step_ns}
    return resolve_params(params, overrides)


def _agent_rule(agent: str, problem: _Problem) -> DepthRule:
    hidden = len(problem.params.market.regimes) > 1 and not problem.params.market.regime_observed
    if hidden and agent in ("exact", "regime_linear"):
        raise ConfigError(
            [Problem("agent", f"expected one that does not see the regime, got {agent!r}; "
                     "use best_linear, or a set where the regime is observed")]
        )  # fmt: skip
    if agent in RISK_AVERSE_ONLY and problem.model.risk_aversion == 0.0:
        raise ConfigError(
            [Problem("agent", f"expected a risk-averse set for {agent!r} (its formula has a "
                     "risk aversion), got a risk-neutral one; use CARA-0.01, CARA-0.1 or CARA-0.5")]
        )  # fmt: skip
    try:
        return _RULES[agent](problem.model)
    except ValueError as error:
        raise ConfigError([Problem("agent", f"{agent!r} on this set: {error}")]) from error


def _textbook_optimum(problem: _Problem) -> float:
    textbook = problem.textbook
    closed = textbook.n_regimes == 1 and textbook.fill_law == "exponential"
    table = solve_closed_form(textbook, 1) if closed else solve_continuous(textbook, 1)
    return problem.mean_over_start(table.start.at)


def _exact_values(problem: _Problem, rule: DepthRule) -> ExactValues:
    model, params = problem.model, problem.params
    played = played_rule(rule, params)
    n_steps = params.episode.n_steps
    optimum = problem.mean_over_start(solve_continuous(model, 1).start.at)
    stepped: float | None = None
    if model.risk_aversion == 0.0 and model.n_regimes == 1 and model.fill_law == "exponential":
        stepped = problem.mean_over_start(solve_stepped(model, n_steps).start.at)
    # A table is smooth between its rows only: a looser tolerance than for formulas.
    value = problem.mean_over_start(evaluate(model, played, tolerance=1e-6).at)
    textbook = problem.mean_over_start(evaluate(problem.textbook, rule, tolerance=1e-6).at)
    constant = _best_constant(problem)
    return ExactValues(
        optimum_textbook=_textbook_optimum(problem),
        optimum=optimum,
        optimum_stepped=stepped,
        best_constant=constant,
        agent_textbook=textbook,
        agent=value,
        agent_stepped=problem.mean_over_start(evaluate_stepped(model, played, n_steps).at),
        percent_of_optimum=100.0 * value / optimum,
        gap_closure_percent=None
        if constant is None
        else 100.0 * (value - constant) / (optimum - constant),
    )


def _best_constant(problem: _Problem) -> float | None:
    """What a constant quote earns at best; with a utility its certainty equivalent is hopeless."""
    if problem.model.risk_aversion > 0.0:
        return None
    rule = best_constant(problem.model).rule
    return problem.mean_over_start(evaluate(problem.model, rule).at)


def _policy_table(config: CertifyConfig, problem: _Problem, rule: DepthRule) -> str:
    """Depths on a grid as CSV; for a learned agent there is one block of rows for each seed."""
    model = problem.model
    played = played_rule(rule, problem.params)
    most = min(config.policy_table.inventory_max_lots or model.inventory_cap, model.inventory_cap)
    lots = np.arange(-most, most + 1, dtype=np.float64)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["seed", "t", "q", "regime", "bid_depth", "ask_depth"])
    for time_s in np.linspace(0.0, model.horizon_s, config.policy_table.n_times):
        for regime in range(model.n_regimes):
            left_s = np.full(lots.shape, model.horizon_s - time_s)
            regimes = np.full(lots.shape, regime, dtype=np.int64)
            bid, ask = played.depths(left_s, lots, regimes)
            for q, bid_depth, ask_depth in zip(lots, bid, ask, strict=True):
                row = (f"{time_s:.6g}", int(q), regime, f"{bid_depth:.6f}", f"{ask_depth:.6f}")
                table.writerow([config.root_seed, *row])
    return text.getvalue()


class _Moments:
    """Mean and variance of episode outcomes, added up in blocks."""

    def __init__(self) -> None:
        self.n = 0
        self._sum = 0.0
        self._sum_squares = 0.0

    def add(self, outcomes: NDArray[np.float64]) -> None:
        self.n += len(outcomes)
        self._sum += float(outcomes.sum())
        self._sum_squares += float((outcomes**2).sum())

    @property
    def mean(self) -> float:
        return self._sum / self.n

    @property
    def deviation(self) -> float:
        return math.sqrt(max(0.0, self._sum_squares / self.n - self.mean**2))


def _simulate(
    config: CertifyConfig,
    problem: _Problem,
    rule: DepthRule,
    exact: ExactValues,
    progress: Progress,
) -> Simulation:
    gamma = problem.model.risk_aversion
    quantile = float(stats.norm.ppf(0.5 + 0.5 * config.confidence))
    wanted = config.half_width_fraction * abs(exact.agent_stepped)
    pooled, by_seed = _Moments(), []
    for index in range(config.seeds):
        outcomes = _Moments()
        envs = _environments(config, problem, index)
        policy = _policy(problem, rule)
        n_wanted = float(config.episodes or PILOT_EPISODES)
        while outcomes.n < n_wanted:
            block = _episode_rewards(envs, policy, problem.params.episode.n_steps)
            outcomes.add(block)
            pooled.add(block)
            if config.episodes is None:
                # Each seed alone must reach the wanted width.
                n_wanted = (quantile * _spread(outcomes, gamma) / wanted) ** 2
                n_wanted = max(float(PILOT_EPISODES), n_wanted)
            done = index + min(1.0, outcomes.n / n_wanted)
            progress(done, float(config.seeds), f"seed {index + 1} of {config.seeds}")
        envs.close()
        by_seed.append(_value(outcomes, gamma))
    value = _value(pooled, gamma)
    half_width = quantile * _spread(pooled, gamma) / math.sqrt(pooled.n)
    reference = exact.optimum if exact.optimum_stepped is None else exact.optimum_stepped
    return Simulation(
        value=value,
        half_width=half_width,
        confidence=config.confidence,
        episodes=pooled.n,
        by_seed=by_seed,
        agrees=abs(value - exact.agent_stepped) <= half_width,
        optimum_in_interval=abs(value - reference) <= half_width,
    )


def _environments(config: CertifyConfig, problem: _Problem, index: int) -> MarketMakingVectorEnv:
    envs = MarketMakingVectorEnv(config.envs, problem.params, n_threads=config.threads)
    envs.reset(seed=seed_sequence(config.root_seed, index))
    return envs


def _policy(problem: _Problem, rule: DepthRule) -> DepthPolicy:
    layout = observation_layout(problem.params)
    return DepthPolicy(
        rule,
        observation=observation_reading(layout, problem.model.n_regimes),
        action=action_writing(problem.params),
    )


def _episode_rewards(
    envs: MarketMakingVectorEnv, policy: DepthPolicy, n_steps: int
) -> NDArray[np.float64]:
    """The sum of rewards of one whole episode of every environment."""
    observations, _ = envs.reset()
    total = np.zeros(envs.num_envs)
    for _ in range(n_steps):
        observations, reward, _, _, _ = envs.step(policy.act(observations))
        total += reward
    return total


def _value(outcomes: _Moments, gamma: float) -> float:
    """Mean, or certainty equivalent -ln(E exp(-gamma W)) / gamma.

    An episode's rewards then add up to (1 - exp(-gamma W)) / gamma.
    """
    if gamma == 0.0:
        return outcomes.mean
    return -math.log1p(-gamma * outcomes.mean) / gamma


def _spread(outcomes: _Moments, gamma: float) -> float:
    """Standard deviation of one outcome, on the scale of the value (delta method)."""
    if gamma == 0.0:
        return outcomes.deviation
    return outcomes.deviation / (1.0 - gamma * outcomes.mean)
