"""What an estimator hands back: numbers with what they are worth, and what is to be doubted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

Number = float | tuple[float, ...]
Origin = Literal["estimated", "borrowed", "fixed"]

_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A number, or a list of them, with its standard error and sample size.

    `origin`: estimated from the data, borrowed from a stated prior that stands in for data that
    are missing, or fixed by a setting.
    """

    value: Number
    standard_error: Number | None  # same shape as `value`; None if there is none
    n: int  # observations behind it
    origin: Origin = "estimated"
    note: str = ""

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"n: expected 0 or above, got {self.n}")
        if self.origin == "estimated" and self.standard_error is None:
            raise ValueError("standard_error: expected one of an estimated value, got None")
        if self.standard_error is not None and _size(self.standard_error) != _size(self.value):
            raise ValueError(
                f"standard_error: expected the shape of value ({_size(self.value)}), "
                f"got {_size(self.standard_error)}"
            )

    @classmethod
    def borrowed(cls, value: Number, note: str) -> Self:
        """A stated prior in place of data."""
        return cls(value, None, 0, "borrowed", note)

    @classmethod
    def fixed(cls, value: Number, note: str = "") -> Self:
        """A choice, not a measurement."""
        return cls(value, None, 0, "fixed", note)

    @property
    def number(self) -> float:
        """The value of a single number."""
        if isinstance(self.value, tuple):
            raise ValueError(f"value: expected one number, got {len(self.value)}")
        return self.value

    @property
    def numbers(self) -> tuple[float, ...]:
        """The value of a list."""
        if not isinstance(self.value, tuple):
            raise ValueError("value: expected a list of numbers, got one")
        return self.value

    def interval_95(self) -> tuple[Number, Number] | None:
        """The value -+ 1.96 standard errors; None without one."""
        if self.standard_error is None:
            return None
        if isinstance(self.value, tuple) and isinstance(self.standard_error, tuple):
            pairs = list(zip(self.value, self.standard_error, strict=True))
            low = tuple(value - _NORMAL_95 * error for value, error in pairs)
            return low, tuple(value + _NORMAL_95 * error for value, error in pairs)
        assert not isinstance(self.value, tuple)
        assert not isinstance(self.standard_error, tuple)
        half = _NORMAL_95 * self.standard_error
        return self.value - half, self.value + half

    def to_json(self) -> dict[str, Any]:
        """Plain values; a number that is not finite becomes None."""
        return {
            "value": _plain(self.value),
            "standard_error": _plain(self.standard_error),
            "n": self.n,
            "origin": self.origin,
            "note": self.note,
        }


@dataclass(frozen=True)
class Caution:
    """What a reader of the results has to know before believing them."""

    code: str  # snake_case, stable: what a program would look for
    part: str  # of the model: "hawkes", "regimes", ...
    text: str  # what was expected, what came, what was done instead

    def to_json(self) -> dict[str, str]:
        """Plain values."""
        return {"code": self.code, "part": self.part, "text": self.text}


def _size(number: Number) -> int | None:
    return len(number) if isinstance(number, tuple) else None


def _plain(number: Number | None) -> Any:
    if isinstance(number, tuple):
        return [_plain(each) for each in number]
    return number if number is not None and math.isfinite(number) else None
