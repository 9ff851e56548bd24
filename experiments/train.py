"""Train an agent in a market: `rlmm train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.errors import ConfigError, InputError, Problem, shown_place
from experiments.markets import PROBLEM_NAME, Market, kept_market, simulated_market
from experiments.quiet import start_tensorflow
from experiments.tracking import TrackedFiles
from experiments.train_config import TrainConfig
from rlmm_tf.env.vector import available_threads
from rlmm_tf.params import EnvParams
from rlmm_tf.seeding import seed_sequence
from rlmm_tf.training.config import TrainingConfig

if TYPE_CHECKING:
    from experiments.console import Progress
    from experiments.run import RunDirectory


class Folder:
    """A training's files, in a folder of a run ("" for the run's own)."""

    def __init__(self, run: RunDirectory, name: str = "") -> None:
        self._run, self._name = run, name

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where there is none."""
        path: Path = self._run.path / self._name / name
        return path.read_bytes() if path.exists() else None

    def write(self, name: str, data: bytes) -> Path:
        """Puts it in the place of what was there, whole or not at all."""
        return self._run.write(str(Path(self._name) / name), data)


def market_of(config: TrainConfig) -> Market:
    """The problem with its overrides.

    Raises:
        ConfigError: there is no such market, or the overrides do not fit it.
    """
    return simulated_market(config.problem, "problem").with_values(config.overrides)


def keep_market(market: Market, run: RunDirectory) -> None:
    """Leaves the problem in the run's folder, for whoever plays its policy.

    Raises:
        ConfigError: the run was begun with another one.
    """
    text = market.to_json()
    if (run.path / PROBLEM_NAME).exists() and kept_market(run.path) != market:
        message = (
            f"expected the market that the run was begun with, got another in {market.name}; "
            "choose another place with --out"
        )
        raise ConfigError([Problem("problem", message)])
    run.write(PROBLEM_NAME, text)


def with_backend(
    params: EnvParams, config: TrainingConfig, run: RunDirectory, *, n_threads: int
) -> TrainingConfig:
    """The configuration with the back end that a trial chose, in this session or an earlier one."""
    if config.backend != "auto":
        return config
    from rlmm_tf.training.trial import fastest_backend

    def choose() -> dict[str, Any]:
        trial = fastest_backend(params, config, n_threads=n_threads)
        return {"fastest": trial.fastest, "seconds_per_iteration": dict(trial.seconds)}

    chosen = run.chosen(f"backend of {config.kind}", choose)
    return config.model_copy(update={"backend": chosen["fastest"]})


def run_export(policy: Path, out: Path) -> dict[str, Any]:
    """Writes a SavedModel of the policy; returns what it is.

    Raises:
        InputError: there is no such policy, or something in the place of the model.
    """
    start_tensorflow()
    from rlmm_tf.training.export import write_saved_model
    from rlmm_tf.training.loop import POLICY_NAME
    from rlmm_tf.training.policy_file import policy_from

    path = policy / POLICY_NAME if policy.is_dir() else policy
    place = shown_place(path)
    if out.exists():
        message = "expected a folder that is not there yet; choose another, or remove it"
        raise InputError([Problem(shown_place(out), message)])
    try:
        spec, weights = policy_from(path.read_bytes(), place)
    except OSError as error:
        message = f"expected a policy, got: {error.strerror}; name a run of rlmm train"
        raise InputError([Problem(place, message)]) from error
    except ValueError as error:
        raise InputError([Problem(place, str(error).removeprefix(f"{place}: "))]) from error
    write_saved_model(spec, weights, out)
    return {"policy": str(path), "model": str(out), "head": spec.head, "inputs": spec.obs_width}


def run_train(config: TrainConfig, run: RunDirectory, *, progress: Progress) -> dict[str, Any]:
    """Trains, from the start or the run's last checkpoint; returns what came out."""
    start_tensorflow()
    from rlmm_tf.training.loop import Loop
    from rlmm_tf.training.start import make_training

    market = market_of(config)
    keep_market(market, run)
    params = market.params
    seed = seed_sequence(config.seed)
    n_threads = config.threads or available_threads()
    try:
        agent = with_backend(params, config.agent, run, n_threads=n_threads)
        training = make_training(params, agent, seed=seed, n_threads=n_threads)
    except ValueError as error:
        raise ConfigError([Problem(config.problem, str(error))]) from error
    loop = Loop(
        training,
        params,
        config.agent.evaluation,
        TrackedFiles(Folder(run), run, config) if config.mlflow else Folder(run),
        seed=seed,
        n_threads=n_threads,
    )
    best = loop.run(progress).evaluation
    return {
        "problem": market.name,
        "cautions": list(market.cautions),
        "agent": config.agent.kind,
        "steps": training.iterations_total * training.rollout_steps,
        "value": best.value,
        "standard_error": best.standard_error,
        "episodes": len(best.outcomes),
    }
