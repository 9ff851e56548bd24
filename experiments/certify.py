"""An agent against exact optima, and the engine against the agent's exact value: `rlmm certify`.

An agent's quotes are scored without noise, by the linear equations of a fixed policy, in the
textbook's continuous time and in the stepped simulator that it plays in. A simulation by the engine
must then agree with the stepped value within its confidence interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from experiments.errors import ConfigError, Problem, listed
from experiments.policy_table import TABLE_NAME, policy_rows, policy_table
from experiments.simulation import Case, Simulation, kept, simulate
from rlmm_tf.agents import baselines
from rlmm_tf.agents.baselines import DepthRule
from rlmm_tf.agents.exact.best_rule import best_constant, best_linear, best_regime_linear
from rlmm_tf.agents.exact.closed_form import base_depth, solve_closed_form
from rlmm_tf.agents.exact.evaluation import evaluate
from rlmm_tf.agents.exact.model import QuotingModel
from rlmm_tf.agents.exact.optimum import solve_continuous
from rlmm_tf.agents.exact.problem import played_rule, quoting_model
from rlmm_tf.agents.exact.stepped import evaluate_stepped
from rlmm_tf.agents.exact.stepped_optimum import solve_stepped
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import PRESETS, preset, resolve_params

if TYPE_CHECKING:
    from experiments.certify_learned import LearnedResult
    from experiments.config import CertifyConfig
    from experiments.console import Progress
    from experiments.run import RunDirectory

# A step of each state follows all states: work is steps x inventories^2 x regimes^3. Both are
# reached in about two minutes.
STEPPED_OPTIMUM_WORK_MAX = 100_000_000
STEPPED_VALUE_WORK_MAX = 1_000_000_000
INVENTORY_CAP_MAX = 1000  # its matrices take a few hundred megabytes
RESULT_NAME = "result.json"
RISK_AVERSE_ONLY = ("symmetric", "avellaneda_stoikov")
ONE_REGIME_ONLY = (*RISK_AVERSE_ONLY, "glft_asymptotic")


def _exact(model: QuotingModel) -> DepthRule:
    return baselines.ExactOptimum(solve_continuous(model))


_RULES: dict[str, Callable[[QuotingModel], DepthRule]] = {
    "exact": _exact,
    "fixed": lambda model: baselines.FixedSpread(base_depth(model)),
    "best_constant": lambda model: best_constant(model).rule,
    "best_linear": lambda model: best_linear(model).rule,
    "regime_linear": lambda model: best_regime_linear(model).rule,
    "symmetric": baselines.Symmetric.from_model,
    "avellaneda_stoikov": baselines.AvellanedaStoikov.from_model,
    "glft_asymptotic": baselines.GlftAsymptotic.from_model,
}
LEARNED = ("ppo", "sac", "dqn")
AGENTS = (*_RULES, *LEARNED)


class ExactValues(BaseModel):
    """Values known without noise, from zero inventory (or the mean over the starting range).

    Where the regime is hidden the optima are still those of an agent that sees it: a bound which
    an agent that does not see it cannot reach (`optimum_sees_hidden_regime`).
    """

    model_config = ConfigDict(frozen=True)

    optimum_textbook: float  # any depth, fill rates uncapped
    optimum: float  # as the simulator bounds depths and fills, continuous time
    optimum_stepped: float | None  # the best in the stepped simulator
    optimum_stepped_note: str  # why there is none
    optimum_sees_hidden_regime: bool
    best_constant: float | None  # risk-neutral sets only
    agent_textbook: float
    agent: float
    agent_stepped: float
    percent_of_optimum: float | None  # of a positive optimum, in continuous time
    percent_of_stepped_optimum: float | None  # both in the stepped simulator
    gap_closure_percent: float | None  # from the best constant (0 %) to the optimum (100 %)


class CertifyResult(BaseModel):
    """Everything `rlmm certify` found."""

    model_config = ConfigDict(frozen=True)

    set_name: str
    agent: str
    exact: ExactValues
    simulation: Simulation
    exit_ok: bool  # the engine agrees with the exact value of this agent, optimal or not


@dataclass(frozen=True)
class ProblemForms:
    """The set, in the three forms it is needed in."""

    params: EnvParams
    model: QuotingModel
    textbook: QuotingModel

    @property
    def stepped_work(self) -> int:
        """How long exact values of the stepped simulator take."""
        states = 2 * self.model.inventory_cap + 1
        return self.params.episode.n_steps * states**2 * self.model.n_regimes**3

    def mean_over_start(self, value_at: Callable[[int], float]) -> float:
        """Mean over the starting inventories, which are equally likely."""
        start = self.params.episode
        lots = range(start.initial_inventory_min_lots, start.initial_inventory_max_lots + 1)
        return sum(map(value_at, lots)) / len(lots)


@dataclass(frozen=True)
class Optima:
    """Values of a set that no agent is needed for."""

    textbook: float
    continuous: float
    stepped: float | None
    stepped_note: str
    best_constant: float | None


def run_certify(
    config: CertifyConfig, run: RunDirectory, *, progress: Progress
) -> CertifyResult | LearnedResult:
    """Scores the agent, simulates it, and writes `policy_table.csv` and `result.json`.

    What a run directory already holds, the result or single seeds, is taken from there.
    """
    if config.agent in LEARNED:
        from experiments.certify_learned import run_learned

        return run_learned(config, run, progress=progress)
    finished = kept(run.path / RESULT_NAME, CertifyResult)
    if finished is not None:
        progress(1.0, 1.0, "already there")
        return finished
    result = certify(config, run, progress=progress)
    run.write(RESULT_NAME, result.model_dump_json(indent=2) + "\n")
    return result


def certify(
    config: CertifyConfig, run: RunDirectory | None = None, *, progress: Progress
) -> CertifyResult:
    """Scores the agent and simulates it; with a run directory, finished parts are kept there."""
    problem = problem_of(config)
    progress(0.0, 1.0, "solving")
    try:
        rule = _agent_rule(config.agent, problem)
        exact = exact_values(problem, rule, optima_of(problem))
    except ConfigError:
        raise
    except (ArithmeticError, ValueError) as error:  # of the solvers
        raise _unfit(config, [str(error)]) from error
    params = problem.params
    if run is not None:
        rows = policy_rows(config.policy_table, problem.params, problem.model, rule)
        run.write(TABLE_NAME, policy_table({config.root_seed: rows}))
    reference = exact.optimum if exact.optimum_stepped is None else exact.optimum_stepped
    case = Case(params, problem.model, rule, exact.agent_stepped, reference)
    simulation = simulate(config, case, run, progress=progress)
    return CertifyResult(
        set_name=config.set_name,
        agent=config.agent,
        exact=exact,
        simulation=simulation,
        exit_ok=simulation.agrees,
    )


def problem_of(config: CertifyConfig) -> ProblemForms:
    """The set as it was asked for; refused where no exact value can be computed in time."""
    params = _params(config)
    problem = ProblemForms(params, quoting_model(params), quoting_model(params, textbook=True))
    cap, work = params.limits.inventory_cap_lots, problem.stepped_work
    if cap > INVENTORY_CAP_MAX:
        expected = f"expected an inventory cap of at most {INVENTORY_CAP_MAX} lots"
        raise _unfit(config, [f"{expected} for the exact values to be computed, got {cap}"])
    if work > STEPPED_VALUE_WORK_MAX:
        expected = f"expected steps x (2 x inventory cap + 1)^2 of at most {STEPPED_VALUE_WORK_MAX}"
        raise _unfit(config, [f"{expected} for the exact values to be computed, got {work}"])
    return problem


def _params(config: CertifyConfig) -> EnvParams:
    """The set, with as many decisions per episode and as much inventory as asked for."""
    params = preset(config.set_name)
    if params.market.kind != "analytic":
        solvable = listed(
            name for name, known in PRESETS.items() if known.market.kind == "analytic"
        )
        raise ConfigError(
            [
                Problem(
                    "set_name",
                    f"expected a set with an analytic market, whose optimum is known ({solvable}), "
                    f"got {config.set_name!r} with a {params.market.kind} market",
                )
            ]
        )
    overrides: dict[str, dict[str, int]] = {}
    if config.inventory_cap_lots is not None:
        overrides["limits"] = {"inventory_cap_lots": config.inventory_cap_lots}
    if config.steps is not None:
        step_ns = round(params.episode.horizon_s * NS_PER_S / config.steps)
        overrides["episode"] = {"n_steps": config.steps, "step_ns": step_ns}
    try:
        return resolve_params(params, overrides)
    except ValueError as error:
        raise _unfit(config, str(error).splitlines()) from error


def _unfit(config: CertifyConfig, lines: Iterable[str]) -> ConfigError:
    """The set with the values that were asked for is no problem, or none that can be solved."""
    asked = {"steps": config.steps, "inventory_cap_lots": config.inventory_cap_lots}
    given = [f"{name}={value}" for name, value in asked.items() if value is not None]
    place = " with ".join([config.set_name, " and ".join(given)]) if given else config.set_name
    remedy = f"choose others with {listed((f'--set {name}=N' for name in asked), last='and')}"
    return ConfigError([Problem(place, f"{line}; {remedy}") for line in lines])


def _agent_rule(agent: str, problem: ProblemForms) -> DepthRule:
    _require_fitting(agent, problem)
    try:
        return _RULES[agent](problem.model)
    except ValueError as error:
        remedy = f"use another agent: {listed(name for name in AGENTS if name != agent)}"
        raise ConfigError(
            [Problem("agent", f"{agent!r} on this set: {error}; {remedy}")]
        ) from error


def _require_fitting(agent: str, problem: ProblemForms) -> None:
    """Refuse an agent whose formula the set has no numbers for, and say what to use instead."""
    n_regimes = problem.model.n_regimes
    message = ""
    if hides_regime(problem.params) and agent in ("exact", "regime_linear"):
        message = (
            f"expected one that does not see the regime, got {agent!r}; "
            "use best_linear, or a set where the regime is observed"
        )
    elif agent in RISK_AVERSE_ONLY and problem.model.risk_aversion == 0.0:
        message = (
            f"expected a risk-averse set for {agent!r} (its formula has a risk aversion), "
            "got a risk-neutral one; use CARA-0.01, CARA-0.1 or CARA-0.5"
        )
    elif agent in ONE_REGIME_ONLY and n_regimes > 1:
        message = (
            f"expected a set with one regime for {agent!r} (its formula has no regimes), "
            f"got one with {n_regimes}; use best_linear or best_constant, or another set"
        )
    if message:
        raise ConfigError([Problem("agent", message)])


def _textbook_optimum(problem: ProblemForms) -> float:
    textbook = problem.textbook
    closed = textbook.n_regimes == 1 and textbook.fill_law == "exponential"
    try:
        table = solve_closed_form(textbook, 1) if closed else solve_continuous(textbook, 1)
    except ValueError:  # far inventories' values do not fit a float there
        table = solve_continuous(textbook, 1)
    return problem.mean_over_start(table.start.at)


def hides_regime(params: EnvParams) -> bool:
    """Whether an agent does not see the regime that its rewards depend on."""
    return params.market.n_regimes > 1 and not params.market.regime_observed


def _why_no_stepped_optimum(problem: ProblemForms) -> str:
    """Empty where it can be computed, and in time."""
    model = problem.model
    if model.risk_aversion > 0.0:
        return "not known with a risk aversion"
    if model.fill_law != "exponential":
        return f"not known with the {model.fill_law} fill law"
    if hides_regime(problem.params):
        return "not known with a hidden regime"
    if problem.stepped_work > STEPPED_OPTIMUM_WORK_MAX:
        return (
            "would take minutes: steps x (2 x inventory cap + 1)^2 x regimes^3 is "
            f"{problem.stepped_work}, above {STEPPED_OPTIMUM_WORK_MAX}; take fewer steps or a "
            "smaller inventory_cap_lots"
        )
    return ""


def _stepped_optimum(problem: ProblemForms) -> float:
    """What the best agent earns in the stepped simulator."""
    model, n_steps = problem.model, problem.params.episode.n_steps
    try:
        optimum = solve_stepped(model, n_steps)
    except ArithmeticError as error:
        expected = "expected enough for the stepped simulator's optimum to be found"
        raise ConfigError([Problem("steps", f"{expected}, got {n_steps}: {error}")]) from error
    return problem.mean_over_start(optimum.start.at)


def _percent(value: float, optimum: float | None) -> float | None:
    return None if optimum is None or optimum <= 0.0 else 100.0 * value / optimum


def optima_of(problem: ProblemForms) -> Optima:
    """What the set's best agents earn."""
    why_none = _why_no_stepped_optimum(problem)
    return Optima(
        textbook=_textbook_optimum(problem),
        continuous=problem.mean_over_start(solve_continuous(problem.model, 1).start.at),
        stepped=None if why_none else _stepped_optimum(problem),
        stepped_note=why_none,
        best_constant=_best_constant(problem),
    )


def exact_values(
    problem: ProblemForms, rule: DepthRule, optima: Optima, *, n_steps_min: int = 32
) -> ExactValues:
    """The rule's values beside the best ones.

    Args:
        problem: in its forms.
        rule: what is scored.
        optima: the best values.
        n_steps_min: of the integration; of a rule that is held for steps a multiple of these.
    """
    model, params = problem.model, problem.params
    played = played_rule(rule, params)
    optimum, constant = optima.continuous, optima.best_constant
    # A table is smooth between its rows only: a looser tolerance than for formulas.
    value, textbook = (
        problem.mean_over_start(evaluate(form, its, tolerance=1e-6, n_steps_min=n_steps_min).at)
        for form, its in ((model, played), (problem.textbook, rule))
    )
    stepped = problem.mean_over_start(evaluate_stepped(model, played, params.episode.n_steps).at)
    return ExactValues(
        optimum_textbook=optima.textbook,
        optimum=optimum,
        optimum_stepped=optima.stepped,
        optimum_stepped_note=optima.stepped_note,
        optimum_sees_hidden_regime=hides_regime(params),
        best_constant=constant,
        agent_textbook=textbook,
        agent=value,
        agent_stepped=stepped,
        percent_of_optimum=_percent(value, optimum),
        percent_of_stepped_optimum=_percent(stepped, optima.stepped),
        gap_closure_percent=None
        if constant is None
        else 100.0 * (value - constant) / (optimum - constant),
    )


def _best_constant(problem: ProblemForms) -> float | None:
    """What a constant quote earns at best; with a utility its certainty equivalent is hopeless."""
    if problem.model.risk_aversion > 0.0:
        return None
    rule = best_constant(problem.model).rule
    return problem.mean_over_start(evaluate(problem.model, rule).at)
