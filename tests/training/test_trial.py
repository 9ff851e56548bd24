"""The timed trial of back ends: what is faster is chosen, and a replay fills before it counts."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from rlmm_tf.presets import resolve_params
from rlmm_tf.training import trial
from rlmm_tf.training.config import SacTrainingConfig
from rlmm_tf.training.start import make_training

PARAMS = resolve_params("P1")
CONFIG = SacTrainingConfig(backend="auto")
ITERATIONS_FILLING = 3


class Counted:
    """A training whose iterations take as long as its back end says, by a clock of its own."""

    now_s = 0.0
    slow = ""

    def __init__(self, backend: str) -> None:
        self.backend, self.iterations = backend, 0
        self.learner = self

    @property
    def calls(self) -> int:
        return max(0, self.iterations - ITERATIONS_FILLING)

    def iterate(self) -> None:
        self.iterations += 1
        learning_s = 1.0 if self.backend == self.slow else 0.5
        Counted.now_s += learning_s if self.calls > 1 else 10.0  # the first compiles


@pytest.mark.parametrize(("slow", "fast"), [("graph", "xla"), ("xla", "graph")])
def test_the_faster_one_is_chosen(slow: str, fast: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(_: object, config: SacTrainingConfig, **__: object) -> Counted:
        return Counted(config.backend)

    monkeypatch.setattr(Counted, "slow", slow)
    monkeypatch.setattr(trial, "make_training", make)
    monkeypatch.setattr(trial.time, "perf_counter", lambda: Counted.now_s)
    found = trial.fastest_backend(PARAMS, CONFIG, n_threads=1)
    assert found.fastest == fast
    assert found.seconds == {fast: 0.5, slow: 1.0}


def test_a_training_wants_the_choice() -> None:
    expected = "backend: expected 'graph' or 'xla', got 'auto'; choose one by "
    with pytest.raises(ValueError, match=re.escape(expected)):
        make_training(PARAMS, CONFIG, seed=np.random.SeedSequence(1), n_threads=1)
