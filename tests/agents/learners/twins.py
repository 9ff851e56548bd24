"""Parts of the learners' twins in float64, each written down from its formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def network(flat: Floats, widths: Sequence[int], x: NDArray[np.floating]) -> tuple[Floats, int]:
    """Output of a network with tanh between its layers, and how many weights that took."""
    at, rows = 0, np.asarray(x, np.float64)
    for i in range(len(widths) - 1):
        a, b = widths[i], widths[i + 1]
        rows = rows @ flat[at : at + a * b].reshape(a, b) + flat[at + a * b : at + a * b + b]
        at += (a + 1) * b
        if i < len(widths) - 2:
            rows = np.tanh(rows)
    return rows, at


def gradient(loss: Callable[[Floats], float], held: Floats) -> Floats:
    """By central differences."""
    width, slope = 1e-6, np.empty_like(held)
    for i in np.ndindex(*held.shape):
        up, down = held.copy(), held.copy()
        up[i] += width
        down[i] -= width
        slope[i] = (loss(up) - loss(down)) / (2 * width)
    return slope


def shortened(slope: Floats, most: float) -> Floats:
    """To a length of `most`, if it is longer."""
    return slope * min(1.0, most / (float(np.linalg.norm(slope)) + 1e-6))


class TwinOfAdam:
    """Adam's moments of one array, and its steps."""

    def __init__(self, rate: float, epsilon: float = 1e-8) -> None:
        self.rate, self.epsilon, self.t = rate, epsilon, 0
        self.m = self.v = np.zeros(())

    def step(self, slope: Floats) -> Floats:
        """What is taken off the weights."""
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * slope
        self.v = 0.999 * self.v + 0.001 * slope**2
        m, v = self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)
        return np.asarray(self.rate * m / (np.sqrt(v) + self.epsilon))
