"""Train an agent in a market: `rlmm train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.errors import ConfigError, InputError, Problem, shown_place
from experiments.quiet import start_tensorflow
from experiments.tracking import TrackedFiles
from experiments.train_config import TrainConfig
from rlmm_tf.env.vector import available_threads
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import seed_sequence

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


def params_of(config: TrainConfig) -> EnvParams:
    """The problem with its overrides.

    Raises:
        ConfigError: there is no such preset, or the overrides do not fit it.
    """
    try:
        return resolve_params(config.problem, config.overrides)
    except ValueError as error:
        place = "overrides" if config.overrides else "problem"
        raise ConfigError([Problem(place, line) for line in str(error).splitlines()]) from error


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

    params = params_of(config)
    seed = seed_sequence(config.seed)
    n_threads = config.threads or available_threads()
    try:
        training = make_training(params, config.agent, seed=seed, n_threads=n_threads)
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
        "problem": config.problem,
        "agent": config.agent.kind,
        "steps": training.iterations_total * training.rollout_steps,
        "value": best.value,
        "standard_error": best.standard_error,
        "episodes": len(best.outcomes),
    }
