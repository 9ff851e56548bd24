"""Chains of regimes: from one bin to the next, and in continuous time.

With transition matrix P (rows sum to 1) from bin to bin of length d, the generator is

    Q = log(P) / d        (matrix logarithm), so that P = exp(Q d).

Where the logarithm is no generator (a negative rate), its first order is taken, row by row:
Q = (P - I) / d.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

_NEGATIVE = -1e-9  # of a rate times the bin: below is no rounding
_CONDITION_MOST = 1e8  # of the eigenvectors: beyond, the logarithm loses half its digits
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
    """By eigenvalues; scipy's `logm` would draw from the process's generator."""
    values, vectors = np.linalg.eig(matrix)
    if np.any(values.real <= 0) or np.linalg.cond(vectors) > _CONDITION_MOST:
        return None
    logarithm = vectors @ np.diag(np.log(values)) @ np.linalg.inv(vectors)
    return np.asarray(logarithm.real, dtype=np.float64)


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
