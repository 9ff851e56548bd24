"""Standard tasks of Gymnasium's: do PPO, SAC and DQN reach what others' implementations do?

    python -m experiments.benchmarks.standard_tasks --seeds 5 --out runs/standard_tasks.jsonl

Each seed trains from random weights on as many steps as the reference had; the policy that it ends
with plays its mode in episodes of its own. The mean over the seeds must reach the reference's mean
less one of its standard deviations (rl-baselines3-zoo's benchmark, one agent's episodes). Networks
and schedules are each task's own, as the reference's are.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.benchmarks.arguments import positive
from experiments.benchmarks.lines import Row, append, rows_with
from experiments.quiet import start_tensorflow
from rlmm_tf.agents.learners.settings import DqnSettings, PpoSettings, SacSettings
from rlmm_tf.seeding import seed_sequence
from rlmm_tf.training.config import (
    DqnTrainingConfig,
    PpoTrainingConfig,
    SacTrainingConfig,
    TrainingConfig,
)

EPISODES = 100
KEYS = {"case", "seed", "mean_return"}


@dataclass(frozen=True)
class Case:
    """A task, how it is learned, and what the reference's episodes earned."""

    task: str
    config: TrainingConfig
    reference: float
    deviation: float

    @property
    def wanted(self) -> float:
        """Of the mean over the seeds."""
        return self.reference - self.deviation


CASES = {
    "pendulum-sac": Case(
        "Pendulum-v1",
        SacTrainingConfig(
            steps=20_000,
            envs=1,
            rollout_steps=32,
            gamma=0.99,
            rate_end=1.0,
            replay_rows=20_000,
            first_rows=1000,
            updates=32,
            batch=256,
            hidden=(256, 256),
            critic_hidden=(256, 256),
            activation="relu",
            critic_activation="relu",
            log_std_least=-20.0,
            cooling_from=1.0,
            cooling_to=1.0,
            update=SacSettings(
                learning_rate=1e-3, critics="least", average_share=1.0, entropy_per_action=-1.0
            ),
        ),
        reference=-156.995,
        deviation=88.714,
    ),
    "cartpole-ppo": Case(
        "CartPole-v1",
        PpoTrainingConfig(
            steps=100_000,
            envs=8,
            rollout_steps=512,
            gamma=0.98,
            trace=0.95,
            value_trace=0.95,
            local_scale=False,
            hidden=(64, 64),
            value_hidden=(64, 64),
            update=PpoSettings(epochs=10, minibatch=128, learning_rate=1e-3, entropy_weight=0.01),
        ),
        reference=500.0,
        deviation=0.0,
    ),
    "cartpole-dqn": Case(
        "CartPole-v1",
        DqnTrainingConfig(
            mode="replay",
            steps=50_000,
            envs=1,
            rollout_steps=64,
            gamma=0.99,
            replay_rows=50_000,
            first_rows=1000,
            updates=32,
            batch=64,
            priority=0.0,
            hidden=(256, 256),
            entropy_start=0.9,
            entropy_end=0.1,
            update=DqnSettings(average_share=0.01),
        ),
        reference=500.0,
        deviation=0.0,
    ),
}


def trained(case: Case, seed: int) -> Row:
    """One seed: mean return of the policy that it ends with, and the seconds that it took."""
    start_tensorflow()
    from rlmm_tf.training.gym_problem import GymProblem
    from rlmm_tf.training.start import make_training

    problem = GymProblem(case.task)
    start = time.perf_counter()
    training = make_training(problem, case.config, seed=seed_sequence(seed), n_threads=1)
    while training.iterations < training.iterations_total:
        training.iterate()
    seconds = time.perf_counter() - start
    mean = problem.mean_return(
        training.spec, training.weights(), episodes=EPISODES, seed=seed_sequence(seed, 1)
    )
    return {"mean_return": mean, "seconds": seconds}


def measure(name: str, seeds: int, found: list[Row], out: Path | None) -> list[Row]:
    """Rows of as many seeds, those that are there included."""
    rows = {int(row["seed"]): row for row in found if row["case"] == name}
    for seed in range(seeds):
        if seed in rows:
            continue
        rows[seed] = {"case": name, "seed": seed, **trained(CASES[name], seed)}
        if out is not None:
            append(out, rows[seed])
    return [rows[seed] for seed in range(seeds)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=positive, default=5, help="of each case")
    parser.add_argument("--cases", default=",".join(CASES), help="separated by commas")
    parser.add_argument("--out", type=Path, help="lines of JSON; what is there counts")
    chosen = parser.parse_args(arguments)
    names: list[str] = chosen.cases.split(",")
    if unknown := [name for name in names if name not in CASES]:
        parser.error(f"--cases: expected some of {', '.join(CASES)}, got {', '.join(unknown)}")
    found = rows_with(chosen.out, KEYS)
    failed = False
    for name in names:
        rows = measure(name, chosen.seeds, found, chosen.out)
        returns = [float(row["mean_return"]) for row in rows]
        mean, wanted = statistics.fmean(returns), CASES[name].wanted
        failed |= mean < wanted
        each = ", ".join(f"{value:.1f}" for value in returns)
        verdict = "reached" if mean >= wanted else "NOT reached"
        sys.stdout.write(f"{name}: {mean:.1f} of {wanted:.1f} wanted, {verdict} ({each})\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
