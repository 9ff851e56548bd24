"""What a field of the parameters may hold: strict types, bounds, numbers that come from NumPy."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

Rate = Annotated[float, Field(ge=0.0, le=1e9, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, le=1e15, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, le=1e15, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
# Bounds that keep every product price x size inside int64 with room to spare.
PriceTicks = Annotated[int, Field(ge=1, le=2**40)]
OffsetTicks = Annotated[int, Field(ge=-(2**31), le=2**31)]
SIZE_LOTS_MAX = 1_000_000
SizeLots = Annotated[int, Field(ge=1, le=SIZE_LOTS_MAX)]

NS_PER_S = 1_000_000_000
HORIZON_NS_MAX = 2**53  # simulated time is exact in a float64 column

Item = TypeVar("Item")
Items = tuple[Item, ...]

# Boolean, integers, floats, text. The others have no Python value of the same meaning: a duration
# of 3 ns, say, would become the integer 3.
_PLAIN_KINDS = "biufU"


def _plain(value: Any) -> Any:
    """Python's value for a NumPy scalar, a tuple for a list; anything else as it is."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, np.generic) and value.dtype.kind in _PLAIN_KINDS:
        return value.item()
    return value


class Params(BaseModel):
    """Base of all parameter classes: frozen and strict, and an unknown field is an error.

    Strict: "50", 50.0 and True are no integers, "yes" and 1 no booleans; only an integer where a
    float belongs and a list where a tuple belongs are taken as such. (A set, whose order is chance,
    is not.) A NumPy scalar counts as the Python value it equals: np.int64(3) is the integer 3,
    np.float32(0.1) the float 0.10000000149011612, and np.float64(3.0) no integer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _plain_value(cls, value: Any) -> Any:
        return _plain(value)


def whole_number(name: str, value: Any, *, least: int, expected: str = "an integer") -> int:
    """An argument that counts or names something, as Python's integer.

    True and False, which Python takes for 1 and 0, are refused.
    """
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: expected {expected}, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:  # an array of several has the method all the same
        raise TypeError(f"{name}: expected {expected}, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name}: expected at least {least}, got {number}")
    return number


def sum_in_order(values: Iterable[float]) -> float:
    """The sum from left to right, as the engine adds (Python's own `sum` compensates)."""
    total = 0.0
    for value in values:
        total += value
    return total
