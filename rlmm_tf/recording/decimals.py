"""Counts of ticks and lots as decimal text, from integers alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.events import EventTableError, positive_decimal


class DecimalUnit:
    """A tick or lot size, and what so many of them are as text with the unit's own places.

    Three ticks of "0.25" are "0.75", three lots of "5" are "15".
    """

    def __init__(self, name: str, size: str) -> None:
        value = positive_decimal(name, size)
        self.name = name
        self.size = size
        self.places: int = -int(value.as_tuple().exponent)
        self._numerator: int = int(value.scaleb(self.places))

    def text(self, count: int) -> str:
        """`count` of the unit."""
        whole, rest = divmod(abs(count) * self._numerator, 10**self.places)
        digits = f".{rest:0{self.places}d}" if self.places else ""
        return f"{'-' * (count < 0)}{whole}{digits}"

    def texts(self, counts: NDArray[np.int64]) -> NDArray[Any]:
        """Each of `counts` of the unit, as an array of str."""
        distinct, which = np.unique(counts, return_inverse=True)
        known = np.array([self.text(int(count)) for count in distinct], dtype=object)
        return known[which] if len(distinct) else known

    def whole_multiple(self, of: int) -> int:
        """The unit x `of` as an integer.

        Raises:
            EventTableError: it is none.
        """
        units: int = 10**self.places
        multiple, rest = divmod(self._numerator * of, units)
        if rest:
            raise EventTableError(
                f"{self.name}: expected a multiple of 1/{of} (the format counts in such units), "
                f"got {self.size}"
            )
        return multiple
