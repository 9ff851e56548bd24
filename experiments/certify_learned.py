"""Learning agents against exact optima: `rlmm certify SET --agent ppo`.

Each seed trains from random weights on simulated rewards, with the same configuration for all sets.
The policy that it ends with is scored exactly, as a closed form would be, and played: the engine's
mean must agree with the exact value. Where the regime is hidden the policy sees the exact filter's
probabilities instead: what it earns is only known from playing, and its depths are shown as if the
filter were sure. Files of seed N are in the folder `seed-N`.
"""

from __future__ import annotations

import itertools
import statistics
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from experiments.certificate_page import page_of
from experiments.certify import (
    RESULT_NAME,
    ExactValues,
    Optima,
    ProblemForms,
    exact_values,
    hides_regime,
    optima_of,
    problem_of,
)
from experiments.errors import ConfigError, Problem
from experiments.policy_table import TABLE_NAME, policy_rows, policy_table
from experiments.quiet import start_tensorflow
from experiments.simulation import Blocks, Case, Simulation, kept, n_environments, simulate_seed
from experiments.train import Folder, with_backend
from rlmm_tf.agents.baselines import DepthRule
from rlmm_tf.agents.exact.best_rule import best_linear, best_regime_linear
from rlmm_tf.env.vector import available_threads
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import seed_sequence
from rlmm_tf.training.config import TrainingConfig

if TYPE_CHECKING:
    from experiments.config import CertifyConfig
    from experiments.console import Progress
    from experiments.run import RunDirectory

PAGE_NAME = "certificate.html"
TRAINING_SHARE = 0.9  # of the time that a seed takes, about
# Below the root seed; the episodes that confirm a rule have the path (seed,).
_TRAINING_PATH, _PLAYING_PATH = 1, 2


class SeedResult(BaseModel):
    """One training: what its policy is worth."""

    model_config = ConfigDict(frozen=True)

    seed: int
    evaluation: float  # in the training's own episodes, by which it was chosen
    exact: ExactValues | None  # None with a hidden regime
    simulation: Simulation
    percent_of_optimum: float | None  # by the simulation where nothing is known exactly


class LearnedResult(BaseModel):
    """All seeds, and the best linear rule beside them; percents are of `optimum`."""

    model_config = ConfigDict(frozen=True)

    set_name: str
    agent: str
    optimum: float  # of an agent that sees the regime, whether this one does or not
    optimum_stepped: float | None
    best_constant: float | None
    best_linear: float | None  # by regime, where it is seen
    percent_mean: float | None
    percent_worst: float | None
    percent_stepped_mean: float | None
    percent_best_linear: float | None
    gap_closure_percent_mean: float | None
    percent_by_seed: list[float | None]
    seeds: list[SeedResult]
    exit_ok: bool  # the engine agrees with what is known exactly of each seed's policy


def run_learned(config: CertifyConfig, run: RunDirectory, *, progress: Progress) -> LearnedResult:
    """Trains, scores and plays each seed; writes the policies, a page about them and the result.

    What a run directory already holds is taken from there, down to a training's checkpoint.
    """
    finished = kept(run.path / RESULT_NAME, LearnedResult)
    if finished is not None:
        progress(1.0, 1.0, "already there")
        return finished
    problem = problem_of(config)
    progress(0.0, float(config.seeds), "solving")
    optima = optima_of(problem)
    seeds, rules = [], []
    for index in range(config.seeds):
        rule, one = _seed(config, problem, optima, index, run, progress)
        seeds.append(one)
        rules.append(rule)
    rows = [policy_rows(config.policy_table, problem.params, problem.model, rule) for rule in rules]
    run.write(TABLE_NAME, policy_table(dict(enumerate(rows))))
    result = _summary(config, problem, optima, seeds)
    run.write(PAGE_NAME, page_of(result, problem, rules))
    run.write(RESULT_NAME, result.model_dump_json(indent=2) + "\n")
    return result


def _seed(
    config: CertifyConfig,
    problem: ProblemForms,
    optima: Optima,
    index: int,
    run: RunDirectory,
    progress: Progress,
) -> tuple[DepthRule, SeedResult]:
    start_tensorflow()
    from rlmm_tf.training.rule import HeldRule, LearnedRule

    label = f"seed {index + 1} of {config.seeds}"

    def train(done: float, total: float, what: str) -> None:
        progress(index + TRAINING_SHARE * done / total, float(config.seeds), f"{label}, {what}")

    def play(part: float) -> None:
        done = index + TRAINING_SHARE + (1.0 - TRAINING_SHARE) * part
        progress(done, float(config.seeds), f"{label}, played")

    spec, weights, evaluation = _trained(config, problem, index, run, train)
    rule: DepthRule = LearnedRule(spec, weights, problem.params)
    # All seeds are to agree at once: the error that is allowed is shared among them.
    confidence = 1.0 - (1.0 - config.confidence) / config.seeds
    each = config.model_copy(update={"confidence": confidence})
    best = optima.continuous if optima.stepped is None else optima.stepped
    if hides_regime(problem.params):
        case = Case(problem.params, problem.model, rule, None, best)
        played = _blocks(config, problem, spec, weights, index)
        simulation = simulate_seed(each, case, index, run, play, played=played)
        percent = 100.0 * simulation.value / optima.continuous
        return rule, SeedResult(
            seed=index,
            evaluation=evaluation,
            exact=None,
            simulation=simulation,
            percent_of_optimum=percent,
        )
    n_steps_min = 32
    if spec.head == "categorical":  # its depths jump
        episode = problem.params.episode
        rule, n_steps_min = HeldRule(rule, episode.horizon_s / episode.n_steps), episode.n_steps
    exact = exact_values(problem, rule, optima, n_steps_min=n_steps_min)
    case = Case(problem.params, problem.model, rule, exact.agent_stepped, best)
    simulation = simulate_seed(each, case, index, run, play)
    return rule, SeedResult(
        seed=index,
        evaluation=evaluation,
        exact=exact,
        simulation=simulation,
        percent_of_optimum=exact.percent_of_optimum,
    )


def _blocks(
    config: CertifyConfig, problem: ProblemForms, spec: Any, weights: Any, index: int
) -> Blocks:
    """Episodes that the network itself plays, other ones each time."""
    from rlmm_tf.training.evaluation import evaluate_policy

    for block in itertools.count():
        yield evaluate_policy(
            spec,
            weights,
            _params_for(config, problem),
            episodes=n_environments(config),
            seed=seed_sequence(config.root_seed, _PLAYING_PATH, index, block),
            n_threads=config.threads or available_threads(),
        ).outcomes


def _params_for(config: CertifyConfig, problem: ProblemForms) -> EnvParams:
    """The problem with actions that the agent can learn."""
    if config.agent != "dqn":
        return problem.params
    action = {"kind": "multidiscrete", "offset_choices": config.dqn_offset_choices}
    return resolve_params(problem.params, {"action": action})


def _trained(
    config: CertifyConfig,
    problem: ProblemForms,
    index: int,
    run: RunDirectory,
    progress: Any,
) -> tuple[Any, Any, float]:
    """The policy's spec and weights, and its evaluation."""
    from rlmm_tf.training.loop import Loop
    from rlmm_tf.training.start import make_training

    chosen: TrainingConfig = getattr(config, config.agent)
    params = _params_for(config, problem)
    seed = seed_sequence(config.root_seed, _TRAINING_PATH, index)
    n_threads = config.threads or available_threads()
    try:
        chosen = with_backend(params, chosen, run, n_threads=n_threads)
        training = make_training(params, chosen, seed=seed, n_threads=n_threads)
    except ValueError as error:
        raise ConfigError(
            [Problem(f"{config.set_name} with {config.agent}", str(error))]
        ) from error
    files = Folder(run, f"seed-{index}")
    loop = Loop(training, params, chosen.evaluation, files, seed=seed, n_threads=n_threads)
    trained = loop.run(progress)
    return trained.spec, trained.weights, trained.evaluation.value


def _best_linear(problem: ProblemForms, optima: Optima) -> float:
    model = problem.model
    by_regime = model.n_regimes > 1 and not hides_regime(problem.params)
    best = best_regime_linear(model) if by_regime else best_linear(model)
    return exact_values(problem, best.rule, optima).agent


def _summary(
    config: CertifyConfig, problem: ProblemForms, optima: Optima, seeds: list[SeedResult]
) -> LearnedResult:
    linear = _best_linear(problem, optima)
    percents = [seed.percent_of_optimum for seed in seeds]
    known = [percent for percent in percents if percent is not None]
    exact = [seed.exact for seed in seeds if seed.exact is not None]
    stepped = [values.percent_of_stepped_optimum for values in exact]
    closures = [values.gap_closure_percent for values in exact]
    return LearnedResult(
        set_name=config.set_name,
        agent=config.agent,
        optimum=optima.continuous,
        optimum_stepped=optima.stepped,
        best_constant=optima.best_constant,
        best_linear=linear,
        percent_mean=_mean(percents),
        percent_worst=min(known) if known else None,
        percent_stepped_mean=_mean(stepped),
        percent_best_linear=100.0 * linear / optima.continuous if known else None,
        gap_closure_percent_mean=_mean(closures),
        percent_by_seed=percents,
        seeds=seeds,
        exit_ok=all(seed.simulation.agrees for seed in seeds),
    )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if values and len(known) == len(values) else None
