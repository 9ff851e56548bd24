"""What all learners have in common: weights with a state, and updates in one TensorFlow call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlmm_tf.agents.learners.adam import Adam
from rlmm_tf.agents.learners.running import part, under

Backend = Literal["graph", "xla", "eager"]


class Learner(tf.Module, ABC):
    """Base of the learners; `_updates`, of data and numbers as tensors, is what they compile."""

    def __init__(
        self,
        weights: Mapping[str, tf.Variable],
        adams: Mapping[str, Adam],
        *,
        backend: Backend,
    ) -> None:
        super().__init__()
        self.calls = 0
        """Of `_updates`, since the learner was made; no result depends on them."""
        self._held, self._adams = dict(weights), dict(adams)
        self._call: Callable[..., Any] = self._updates
        if backend != "eager":
            self._call = tf.function(self._updates, jit_compile=backend == "xla", autograph=False)

    def state(self) -> dict[str, NDArray[np.float32]]:
        """All that `set_state` needs."""
        state = {name: np.array(held.numpy()) for name, held in self._held.items()}
        for name, adam in self._adams.items():
            state |= under(name, adam.state())
        return state

    def set_state(self, state: Mapping[str, NDArray[np.float32]]) -> None:
        """Goes back to where `state` was taken."""
        for name, held in self._held.items():
            held.assign(state[name])
        for name, adam in self._adams.items():
            adam.set_state(part(state, name))

    def _run(self, data: Sequence[NDArray[Any]], *numbers: float) -> Any:
        """The compiled updates; they are traced once for each shape of the data."""
        self.calls += 1
        scalars = [tf.constant(number, tf.float32) for number in numbers]
        return self._call(*map(tf.constant, data), *scalars)

    @abstractmethod
    def _updates(self, *tensors: tf.Tensor) -> Any:
        """What is compiled: all updates of a call."""


def repeated(
    count: int, body: Callable[..., Sequence[tf.Tensor]], start: Sequence[tf.Tensor]
) -> Sequence[tf.Tensor]:
    """What `body(i, *state)`, which returns the next state, has made of `start` in the end."""

    def step(i: tf.Tensor, *state: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return (i + 1, *body(i, *state))

    _, *end = tf.while_loop(
        lambda i, *_: i < count,
        step,
        (tf.constant(0), *start),
        maximum_iterations=count,
        parallel_iterations=1,
    )
    return end
