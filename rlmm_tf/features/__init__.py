"""What an observation is made of: named, normalised columns.

The table of features is in the engine (`csrc/features/features.h`);
`rlmm_tf.env.observation_layout` reads it. Agents know this layout and arrays, never an environment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ObservationColumn:
    """One column: normalised value = natural value / scale, clipped to [low, high]."""

    name: str
    unit: str
    scale: float
    low: float
    high: float


@dataclass(frozen=True)
class ObservationLayout:
    """The columns of an observation, in order."""

    columns: tuple[ObservationColumn, ...]

    def __len__(self) -> int:
        """Width of an observation row."""
        return len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)

    def index(self, name: str) -> int:
        """Position of a column; the error lists the columns there are."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(
                f"observation column {name!r}: expected one of {list(self.names)}; "
                "add it to observation.features"
            ) from None

    def scale(self, name: str) -> float:
        """What to multiply a normalised value by to get the natural one."""
        return self.columns[self.index(name)].scale

    def natural(self, observations: NDArray[np.float32], name: str) -> NDArray[np.float64]:
        """The values of one column in natural units."""
        column = self.index(name)
        return observations[..., column].astype(np.float64) * self.columns[column].scale
