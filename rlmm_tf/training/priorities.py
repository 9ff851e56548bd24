"""Chances of a replay's rows by what was last wrong about them (proportional prioritisation).

P(i) = p_i^a / sum p^a           p_i: |error| + epsilon; of a row that is new the most there is
w_i  = (n P(i))^-b / max w       b: the correction; 1 undoes what uneven chances do to means
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

EPSILON = 1e-6


class Priorities:
    """Of the rows of a ring of `capacity`, in the replay's order."""

    def __init__(self, capacity: int, exponent: float) -> None:
        self._capacity, self._exponent = capacity, exponent
        self._powers = np.zeros(capacity)
        self._most, self._added = 1.0, 0

    def add(self, count: int) -> None:
        """As many rows are new."""
        at = (self._added + np.arange(count)) % self._capacity
        self._powers[at] = self._most
        self._added += count

    def draw(
        self, updates: int, rows: int, generator: np.random.Generator, *, correction: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places in the ring and weights, (updates, rows): one row of each of as many strata."""
        powers = self._powers[: min(self._added, self._capacity)]
        sums = np.cumsum(powers)
        strata = (np.arange(rows) + generator.random((updates, rows))) / rows
        at = np.searchsorted(sums, strata * sums[-1], side="right")
        at = np.minimum(at, len(powers) - 1)  # where rounding leads past the end
        weight = (powers[at] * (len(powers) / sums[-1])) ** -correction
        return at, (weight / weight.max(axis=1, keepdims=True)).astype(np.float32)

    def set(self, at: NDArray[np.int64], errors: NDArray[np.float32]) -> None:
        """What was wrong about these rows; of a row that came twice the last counts."""
        powers = (errors.astype(np.float64).ravel() + EPSILON) ** self._exponent
        self._powers[at.ravel()] = powers
        self._most = max(self._most, float(powers.max()))

    def state(self) -> dict[str, NDArray[Any]]:
        """All that `set_state` needs."""
        held = self._powers[: min(self._added, self._capacity)]
        return {"powers": held, "most": np.array(self._most), "added": np.array(self._added)}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""
        self._most, self._added = float(state["most"]), int(state["added"])
        self._powers[: len(state["powers"])] = state["powers"]
