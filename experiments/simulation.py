"""Simulated episodes of a quoting rule: their mean or certainty equivalent, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy import stats

from experiments.estimation import Moments
from rlmm_tf.agents.baselines import DepthPolicy, DepthRule
from rlmm_tf.agents.exact.model import QuotingModel
from rlmm_tf.agents.exact.problem import action_writing, observation_reading
from rlmm_tf.env import MarketMakingVectorEnv, observation_layout
from rlmm_tf.params import EnvParams
from rlmm_tf.seeding import seed_sequence

if TYPE_CHECKING:
    from experiments.config import CertifyConfig
    from experiments.console import Progress
    from experiments.run import RunDirectory

PILOT_EPISODES = 4096
HOPELESS_EPISODES = 2**20  # where a width that cannot be trusted gives up
SMALLEST_SCALE = 0.25  # of an episode's deviation; what stands for a value that is smaller
NOT_ESTIMABLE = (
    "the certainty equivalent is decided by states this many episodes never see: use more steps "
    "or a smaller inventory_cap_lots"
)
ALL_EQUAL = "the episodes do not differ enough for an interval: use more episodes"

Kept = TypeVar("Kept", bound=BaseModel)
Blocks = Generator[NDArray[np.float64], None, None]  # outcomes of episodes, without an end


@dataclass(frozen=True)
class Case:
    """Who plays what, and what should come out."""

    params: EnvParams
    model: QuotingModel
    rule: DepthRule
    expected: float | None  # the exact value of the rule in the stepped simulator, if it is known
    optimum: float


class Simulation(BaseModel):
    """What the engine measured."""

    model_config = ConfigDict(frozen=True)

    value: float
    half_width: float
    confidence: float
    episodes: int
    by_seed: list[float]
    effective_sample_size: float | None  # of the weights exp(-gamma W); None when risk-neutral
    estimable: bool  # False: the interval means nothing, see `note`
    note: str
    agrees: bool  # the interval means something; the agent's stepped value, if known, lies in it
    optimum_in_interval: bool


def kept(path: Path, model: type[Kept]) -> Kept | None:
    """A file of an earlier session; None when it is missing or not complete."""
    try:
        return model.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValidationError):
        return None


def simulate(
    config: CertifyConfig, case: Case, run: RunDirectory | None, *, progress: Progress
) -> Simulation:
    """Plays the rule until its value is known well enough; finished seeds are kept in `run`."""
    return _simulation(config, case, _simulated_seeds(config, case, run, progress))


def _quantile(config: CertifyConfig) -> float:
    return float(stats.norm.ppf(0.5 + 0.5 * config.confidence))


def _simulated_seeds(
    config: CertifyConfig,
    case: Case,
    run: RunDirectory | None,
    progress: Progress,
) -> list[Moments]:
    """One seed after the other; each is written once it is finished, and then not played again."""
    seeds = []
    for index in range(config.seeds):
        name = f"seed-{index}.json"
        label = f"seed {index + 1} of {config.seeds}"

        def show(part: float, done: int = index, label: str = label) -> None:
            progress(done + part, float(config.seeds), label)

        played = _blocks(config, case, index)
        seeds.append(_kept_or_played(config, case, played, name, run, show))
    return seeds


def simulate_seed(
    config: CertifyConfig,
    case: Case,
    index: int,
    run: RunDirectory,
    show: Callable[[float], None],
    *,
    played: Blocks | None = None,
) -> Simulation:
    """A rule that only one seed has, played with that seed; kept in the seed's folder.

    Args:
        config: how well its value is to be known.
        case: who plays.
        index: the seed.
        run: where it is kept.
        show: takes the part that is done.
        played: outcomes, if it is not the case's rule that plays.
    """
    blocks = _blocks(config, case, index) if played is None else played
    name = f"seed-{index}/simulation.json"
    return _simulation(config, case, [_kept_or_played(config, case, blocks, name, run, show)])


def _kept_or_played(
    config: CertifyConfig,
    case: Case,
    played: Blocks,
    name: str,
    run: RunDirectory | None,
    show: Callable[[float], None],
) -> Moments:
    moments = None if run is None else kept(run.path / name, Moments)
    if moments is None:
        with closing(played):
            moments = _simulated_seed(config, case, played, show)
        if run is not None:
            run.write(name, moments.model_dump_json(indent=2) + "\n")
    show(1.0)
    return moments


def _simulated_seed(
    config: CertifyConfig,
    case: Case,
    played: Blocks,
    show: Callable[[float], None],
) -> Moments:
    moments: Moments | None = None
    n, n_wanted = 0, float(config.episodes or PILOT_EPISODES)
    while n < n_wanted:
        outcomes = next(played)
        if config.episodes is not None:
            outcomes = outcomes[: config.episodes - n]  # as many as were asked for, and no more
        block = Moments.of(outcomes, case.model.risk_aversion)
        moments = block if moments is None else moments.merged(block)
        n = moments.n
        if config.episodes is None:
            # On the scale of the problem, not of an agent that gains little in it.
            scale = max(abs(case.expected or 0.0), abs(case.optimum))
            n_wanted = episodes_wanted(config, moments, scale)
        show(min(1.0, n / n_wanted))
    assert moments is not None  # at least one block was played
    return moments


def episodes_wanted(config: CertifyConfig, so_far: Moments, value: float) -> float:
    """How many episodes one seed needs for a width that is the wanted fraction of `value`.

    Judged by those so far. While the width cannot be trusted, because it is 0 or carried by too
    few episodes, go on.
    """
    if not so_far.is_broad:
        return float(HOPELESS_EPISODES)
    # A fraction of a value near 0 is out of reach: then a fraction of the noise is wanted.
    scale = max(abs(value), SMALLEST_SCALE * so_far.deviation)
    ratio = _quantile(config) * so_far.deviation / (config.half_width_fraction * scale)
    return max(float(PILOT_EPISODES), ratio**2)


def _simulation(config: CertifyConfig, case: Case, seeds: list[Moments]) -> Simulation:
    """All seeds together."""
    pooled = seeds[0]
    for moments in seeds[1:]:
        pooled = pooled.merged(moments)
    half_width = _quantile(config) * pooled.deviation / math.sqrt(pooled.n)
    # An estimate never falls below the lowest wealth seen: an exact value down there is decided
    # by episodes that did not occur, however many effective ones did.
    expected = pooled.value if case.expected is None else case.expected
    unseen = pooled.risk_aversion > 0.0 and expected < pooled.lowest
    estimable = pooled.is_broad and not unseen
    note = NOT_ESTIMABLE if pooled.risk_aversion > 0.0 else ALL_EQUAL
    return Simulation(
        value=pooled.value,
        half_width=half_width,
        confidence=config.confidence,
        episodes=pooled.n,
        by_seed=[moments.value for moments in seeds],
        effective_sample_size=pooled.effective_sample_size,
        estimable=estimable,
        note="" if estimable else note,
        agrees=estimable and abs(pooled.value - expected) <= half_width,
        optimum_in_interval=estimable and abs(pooled.value - case.optimum) <= half_width,
    )


def n_environments(config: CertifyConfig) -> int:
    """At most `envs`; fewer where a number of episodes is asked for, so that few are left over."""
    if config.episodes is None:
        return config.envs
    n_blocks = math.ceil(config.episodes / config.envs)
    return math.ceil(config.episodes / n_blocks)


def _blocks(config: CertifyConfig, case: Case, index: int) -> Blocks:
    """Episode after episode of every environment, played by the case's rule."""
    envs, policy = _environments(config, case, index), _policy(case)
    try:
        while True:
            yield _episode_outcomes(envs, policy, case)
    finally:
        envs.close()


def _environments(config: CertifyConfig, case: Case, index: int) -> MarketMakingVectorEnv:
    envs = MarketMakingVectorEnv(
        n_environments(config),
        case.params,
        n_threads=config.threads,
        info_columns=case.model.risk_aversion > 0.0,
    )
    envs.reset(seed=seed_sequence(config.root_seed, index))
    return envs


def _policy(case: Case) -> DepthPolicy:
    layout = observation_layout(case.params)
    return DepthPolicy(
        case.rule,
        observation=observation_reading(layout, case.model.n_regimes),
        action=action_writing(case.params),
    )


def _episode_outcomes(
    envs: MarketMakingVectorEnv, policy: DepthPolicy, case: Case
) -> NDArray[np.float64]:
    """One whole episode of every environment: sum of rewards, or terminal wealth with a utility.

    The rewards of a utility add up to (1 - exp(-gamma W)) / gamma, from which a large W cannot be
    recovered: there the step's profits are added up instead.
    """
    observations, _ = envs.reset()
    total = np.zeros(envs.num_envs)
    averse = case.model.risk_aversion > 0.0
    for _ in range(case.params.episode.n_steps):
        observations, reward, _, _, infos = envs.step(policy.act(observations))
        if averse:
            total += infos["pnl_spread"] + infos["pnl_inventory"] + infos["pnl_fees"]
        else:
            total += reward
    return total * case.params.tick_value if averse else total
