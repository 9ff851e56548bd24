"""A training from its start, or its last checkpoint, to its end.

    metrics.jsonl            a line for each iteration, and one for each evaluation
    policy.safetensors       the best policy so far
    checkpoint.safetensors   everything that going on from here needs

They are written together at each evaluation, the checkpoint last, and before Ctrl-C or SIGTERM have
their way. A run that is taken up goes on from the checkpoint, and ends with the same bytes as one
that was never interrupted: nothing in the files depends on the time that it took.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.learners.running import part
from rlmm_tf.env import PolicySpec, PolicyWeights
from rlmm_tf.params import EnvParams
from rlmm_tf.training.collection import stream
from rlmm_tf.training.config import EvaluationConfig
from rlmm_tf.training.evaluation import Evaluation, evaluate_policy
from rlmm_tf.training.interrupts import held_back
from rlmm_tf.training.policy_file import policy_bytes, policy_from
from rlmm_tf.training.tensor_file import Arrays, Texts, packed, unpacked

if TYPE_CHECKING:
    from rlmm_tf.agents.learners.learner import Learner

METRICS_NAME = "metrics.jsonl"
POLICY_NAME = "policy.safetensors"
CHECKPOINT_NAME = "checkpoint.safetensors"
SHOWN = ("value", "pnl", "inventory_lots")  # of an evaluation, while training

Progress = Callable[[float, float, str], None]


class Divergence(ArithmeticError):
    """A number that training works with is no longer finite."""


class Store(Protocol):
    """Where a run's files are: written whole or not at all."""

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where there is none."""
        ...

    def write(self, name: str, data: bytes) -> object:
        """Puts it in the place of what was there."""
        ...


class Training(Protocol):
    """An algorithm at work on a problem."""

    spec: PolicySpec
    iterations: int

    @property
    def learner(self) -> Learner:
        """What it updates."""
        ...

    @property
    def iterations_total(self) -> int:
        """Until it is done."""
        ...

    @property
    def rollout_steps(self) -> int:
        """Of all environments together, in one iteration."""
        ...

    def iterate(self) -> dict[str, float]:
        """The next iteration; what is worth a line."""
        ...

    def weights(self) -> PolicyWeights:
        """Of the policy as it is now."""
        ...

    def state(self) -> tuple[Arrays, Texts]:
        """Everything that the iterations to come depend on."""
        ...

    def set_state(self, arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, str]) -> None:
        """Goes back to where `state` was taken."""
        ...


@dataclass(frozen=True)
class Trained:
    """What a training ends with: the best policy, and what it earned in its evaluation."""

    spec: PolicySpec
    weights: PolicyWeights
    evaluation: Evaluation


class Loop:
    """Iterations, evaluations, files."""

    def __init__(
        self,
        training: Training,
        params: EnvParams,
        config: EvaluationConfig,
        store: Store,
        *,
        seed: np.random.SeedSequence,
        n_threads: int = 1,
    ) -> None:
        self._training, self._params, self._config = training, params, config
        self._store, self._n_threads = store, n_threads
        self._seed = stream(seed, "evaluation")
        self._lines: list[str] = []
        self._best: tuple[bytes, Evaluation] | None = None
        self._last: dict[str, Any] | None = None  # line of an evaluation

    def run(self, progress: Progress) -> Trained:
        """Trains until the end.

        Raises:
            Divergence: with the iteration and what is not finite; the last checkpoint stays.
        """
        self._take_up()
        training = self._training
        total = training.iterations_total
        started = training.iterations, time.monotonic()
        with held_back() as interrupts:
            while training.iterations < total:
                self._iterate(total)
                if interrupts.came:
                    self._save()
                    interrupts.deliver()
                progress(training.iterations, total, self._label(started))
        assert self._best is not None  # the last iteration is evaluated
        spec, weights = policy_from(self._best[0], POLICY_NAME)
        return Trained(spec, weights, self._best[1])

    def _label(self, started: tuple[int, float]) -> str:
        """Steps, their speed, and what the last evaluation found."""
        training = self._training
        first, start_s = started
        made = (training.iterations - first) * training.rollout_steps
        speed = made / max(time.monotonic() - start_s, 1e-9)
        steps = training.iterations * training.rollout_steps
        parts = [f"{steps / 1e6:.1f} M steps", f"{speed / 1e3:.0f} k/s"]
        if self._last is not None:
            value, pnl, inventory = (self._last[name] for name in SHOWN)
            parts.append(f"value {value:.4g}, PnL {pnl:.4g}, inventory {inventory:.2g}")
        return ", ".join(parts)

    def _iterate(self, total: int) -> None:
        training = self._training
        metrics = training.iterate()
        _require_finite(training.iterations, metrics)
        self._log({"iteration": training.iterations, **metrics})
        if self._is_due(training.iterations, total):
            self._evaluate()
            self._save()

    def _is_due(self, iteration: int, total: int) -> bool:
        """`times` evaluations evenly over the training, the last after its last iteration."""
        times = self._config.times
        return iteration * times // total > (iteration - 1) * times // total

    def _evaluate(self) -> None:
        training = self._training
        weights = training.weights()
        now = evaluate_policy(
            training.spec,
            weights,
            self._params,
            episodes=self._config.episodes,
            seed=self._seed,
            n_threads=self._n_threads,
        )
        # Of two that luck could have put in either order, the one that has learned for longer.
        is_best = self._best is None or not now.is_worse_than(self._best[1])
        if is_best:
            self._best = policy_bytes(training.spec, weights), now
        self._last = {
            "iteration": training.iterations,
            "steps": training.iterations * training.rollout_steps,
            "value": now.value,
            "standard_error": now.standard_error,
            "pnl": now.pnl,
            "inventory_lots": now.inventory_lots,
            "kept": is_best,
        }
        self._log(self._last)

    def _log(self, line: Mapping[str, Any]) -> None:
        self._lines.append(json.dumps(line))

    def _save(self) -> None:
        arrays, texts = self._training.state()
        metrics = "".join(f"{line}\n" for line in self._lines)
        kept = {f"training.{name}": array for name, array in arrays.items()}
        if self._best is not None:
            policy, best = self._best
            kept["best.outcomes"] = best.outcomes
            kept["best.policy"] = np.frombuffer(policy, np.uint8)
            self._store.write(POLICY_NAME, policy)
        self._store.write(METRICS_NAME, metrics.encode())
        self._store.write(CHECKPOINT_NAME, packed(kept, {**texts, "metrics": metrics}))

    def _take_up(self) -> None:
        raw = self._store.read(CHECKPOINT_NAME)
        if raw is None:
            return
        arrays, texts = unpacked(raw, CHECKPOINT_NAME)
        self._lines = texts.pop("metrics").splitlines()
        if "best.policy" in arrays:
            risk_aversion = self._params.reward.risk_aversion
            best = Evaluation(arrays["best.outcomes"], risk_aversion)
            self._best = arrays["best.policy"].tobytes(), best
        self._training.set_state(part(arrays, "training"), texts)


def _require_finite(iteration: int, metrics: Mapping[str, float]) -> None:
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise Divergence(
                f"iteration {iteration}: expected a finite {name}, got {value}; lower "
                "update.learning_rate"
            )
