"""Estimates as pages show them: in few digits, with their errors, with bands for charts.

An estimate is a mapping with `value`, `standard_error` (None without one), `n`, `origin`, `note`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]

NORMAL_95 = 1.959963984540054
DASH = "\N{EN DASH}"


def short(value: float | None) -> str:
    """Four digits; a dash for what is not known."""
    return DASH if value is None else f"{value:.4g}"


def with_error(value: float | None, error: float | None) -> str:
    """The value, and its standard error behind it."""
    return short(value) + ("" if error is None else f" (\N{PLUS-MINUS SIGN}{error:.2g})")


def interval(value: float | None, error: float | None) -> str:
    """The 95 % interval."""
    if value is None or error is None:
        return DASH
    return f"{value - NORMAL_95 * error:.3g} to {value + NORMAL_95 * error:.3g}"


def entries(part: Values) -> list[tuple[float | None, float | None]]:
    """Values with their errors, of a list or of one number."""
    value, error = part["value"], part["standard_error"]
    values = value if isinstance(value, list) else [value]
    errors = error if isinstance(error, list) else [error] * len(values)
    return list(zip(values, errors, strict=True))


def cells(part: Values) -> list[str]:
    """For a row of a table."""
    return [with_error(value, error) for value, error in entries(part)]


def bands(part: Values) -> tuple[list[float | None], list[float | None]]:
    """Ends of the 95 % intervals."""
    pairs = entries(part)
    low = [None if v is None or e is None else v - NORMAL_95 * e for v, e in pairs]
    high = [None if v is None or e is None else v + NORMAL_95 * e for v, e in pairs]
    return low, high
