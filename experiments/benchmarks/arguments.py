"""Numbers on the benchmarks' command lines; argparse makes a line and exit code 2 of the errors."""

from __future__ import annotations

import math


def counts(text: str) -> list[int]:
    """Positive numbers, separated by commas."""
    numbers = [int(part) for part in text.split(",")]
    if min(numbers) < 1:
        raise ValueError(text)
    return numbers


def positive(text: str) -> int:
    """One positive number."""
    (number,) = counts(text)
    return number


def positive_number(text: str) -> float:
    """One positive finite number, whole or not."""
    number = float(text)
    if not 0.0 < number < math.inf:
        raise ValueError(text)
    return number
