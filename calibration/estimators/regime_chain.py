"""Chains of regimes: from one bin to the next, and in continuous time.

With transition matrix P (rows sum to 1) from bin to bin of length d, the generator is

    Q = log(P) / d        (matrix logarithm), so that P = exp(Q d).

Where the logarithm is no generator (a negative rate), its first order is taken, row by row:
Q = (P - I) / d.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

_NEGATIVE = -1e-9  # of a rate times the bin: below is no rounding
_NEAR_ONE = 0.05  # distance from the unit matrix at which so many terms are enough
_TERMS = 14
_DOUBLINGS_MOST = 50
_STEP = 1e-6  # of numerical derivatives


def generator_of(transition: _Floats, bin_s: float) -> tuple[_Floats, bool]:
    """Rates per second, rows sum to 0, and whether they are the matrix logarithm's."""
    unit = np.eye(len(transition))
    logarithm = _logarithm(transition)
    if logarithm is None or logarithm[unit == 0].min(initial=0.0) < _NEGATIVE:
        return (transition - unit) / bin_s, False
    rates = np.where(unit == 1, 0.0, np.maximum(logarithm, 0.0))
    return (rates - np.diag(rates.sum(axis=1))) / bin_s, True


def _logarithm(matrix: _Floats) -> _Floats | None:
    """By square roots until the series converges: log M = 2^n log M^(1 / 2^n).

    Eigenvectors would not do for matrices that have too few of them, and scipy's `logm` draws from
    the process's generator.
    """
    if np.any(np.linalg.eigvals(matrix).real <= 0):
        return None
    unit = np.eye(len(matrix))
    root, doublings = matrix, 0
    while np.abs(root - unit).sum(axis=1).max() > _NEAR_ONE:
        if doublings == _DOUBLINGS_MOST:
            return None
        root = np.asarray(scipy.linalg.sqrtm(root)).real
        doublings += 1
    power, logarithm = unit, np.zeros_like(matrix)
    for k in range(1, _TERMS + 1):
        power = power @ (root - unit)
        logarithm += (-1.0) ** (k + 1) / k * power
    return np.asarray(2.0**doublings * logarithm)


def stationary_law(transition: _Floats) -> _Floats:
    """The law p with p = p P."""
    n = len(transition)
    equations = np.concatenate([transition.T - np.eye(n), np.ones((1, n))])
    law, *_ = np.linalg.lstsq(equations, np.append(np.zeros(n), 1.0), rcond=None)
    law = np.maximum(law, 0.0)
    return np.asarray(law / law.sum())


def simulate_chain(
    transition: _Floats, initial: _Floats, steps: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """States of `steps` bins; the first is drawn from `initial`."""
    draws = rng.random(steps)
    ladders = np.cumsum(transition, axis=1)
    states = np.empty(steps, dtype=np.int64)
    last = len(transition) - 1
    ladder = np.cumsum(initial)
    for i in range(steps):
        states[i] = min(int(np.searchsorted(ladder, draws[i], side="right")), last)
        ladder = ladders[states[i]]
    return states


def delta_errors(
    function: Callable[[_Floats], _Floats], at: _Floats, covariance: _Floats
) -> _Floats:
    """Standard errors of function(at) by the delta method with central differences."""
    columns = []
    for i in range(len(at)):
        shift = np.zeros(len(at))
        shift[i] = _STEP
        columns.append((function(at + shift) - function(at - shift)) / (2 * _STEP))
    slopes = np.stack(columns, axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(np.einsum("bi,ij,bj->b", slopes, covariance, slopes)))
