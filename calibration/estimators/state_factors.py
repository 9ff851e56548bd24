"""How the book drives each group's baseline: a factor by spread and imbalance, one by a gap.

The intensity of a group is A(t) [f(state) mu + excitation], so an event came of the baseline with
the probability

    p = f mu / (f mu + excitation)

and, the excitation held, the likelihood is greatest where in each state

    f(state) = sum of p over the events there / (mu x integral of A over the time there).

Steps of Newton's find it, and what past events add is fitted in turn until the likelihood stands
still. Market orders have a second factor by the gap between the queue that they hit and the next
one. The ask side is the bid side's mirror image: states with the imbalance reversed are pooled.
Cells with few events are drawn towards their neighbours by what `PRIOR_EVENTS` events tell of their
mean: as an event tells of f in proportion to p^2, these are `PRIOR_EVENTS` x mean p^2 events of the
baseline. The mean of each factor, weighted by the baseline events expected without it, is 1.
Standard errors are from the observed information on factors and kernels together, the kernels that
are 0 left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from calibration.estimate import Caution, Estimate
from calibration.estimators.hawkes import N_GROUPS, HawkesData, HawkesFit, fit_hawkes

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIOR_EVENTS = 10.0
ROUNDS = 12
STEPS = 60  # of Newton's, in a round
TOLERANCE = 1e-5  # of the log-likelihood per event
STEP_TOLERANCE = 1e-4  # of a factor
STEP_MOST = 4.0  # times as large or small, in one step


@dataclass(frozen=True)
class Cells:
    """Cells of the exposures: spread bin, then imbalance bin, then bin of the gap that is hit."""

    spreads: int
    imbalances: int
    gaps: int

    @property
    def states(self) -> int:
        """Without the gap."""
        return self.spreads * self.imbalances

    @property
    def count(self) -> int:
        """Of all cells."""
        return self.states * self.gaps

    def mirror(self) -> Ints:
        """Where each state stands when bid and ask are exchanged."""
        at = np.arange(self.states).reshape(self.spreads, self.imbalances)
        return np.ascontiguousarray(at[:, ::-1]).ravel()


@dataclass(frozen=True)
class StateFactors:
    """The fitted factors, and the Hawkes fit that belongs to them."""

    factor: tuple[Estimate, ...]  # by group: by spread bin, then imbalance bin
    hit_gap: Estimate  # by bin of the gap
    hawkes: HawkesFit
    cell_factor: Array  # of the baseline, [group][cell]: all factors together
    converged: bool
    cautions: tuple[Caution, ...] = ()


def fit_state_factors(data: HawkesData, cells: Cells) -> StateFactors:
    """Factors and kernels by turns."""
    kinds = [_Kind.of(data, cells, k) for k in range(N_GROUPS // 2)]
    factors = [_Factors(np.ones(cells.states), np.ones(cells.gaps)) for _ in kinds]
    n = max(int(data.counts.sum()), 1)
    start, best, converged = None, -np.inf, False
    for _ in range(ROUNDS):
        by_cell = _all_cells(factors, cells)
        hawkes = fit_hawkes(data, by_cell, start=start)
        gained, best = hawkes.log_likelihood - best, hawkes.log_likelihood
        if gained < TOLERANCE * n:
            converged = True
            break
        start = hawkes.theta.copy()
        for k, kind in enumerate(kinds):
            factors[k], scale = _improved(kind, data, hawkes, factors[k], cells)
            start[2 * k : 2 * k + 2, 0] *= scale
    cautions = _cautions(kinds, cells, converged)
    errors = [_errors(kind, data, hawkes, factors[k], cells) for k, kind in enumerate(kinds)]
    return StateFactors(
        factor=_state_estimates(kinds, factors, errors, cells),
        hit_gap=Estimate(_tuple(factors[0].gap), _tuple(errors[0].gap), len(kinds[0].state)),
        hawkes=hawkes,
        cell_factor=by_cell,
        converged=converged and hawkes.converged,
        cautions=(*cautions, *hawkes.cautions),
    )


@dataclass(frozen=True)
class _Factors:
    """By state, and by gap, as the bid side sees them; or their standard errors."""

    state: Array
    gap: Array


@dataclass(frozen=True)
class _Kind:
    """Events of both sides as the bid side sees them."""

    groups: tuple[int, int]
    state: Ints  # by event
    gap: Ints
    seconds: Array  # of baseline 1, with all other factors: [state][gap]
    has_gaps: bool

    @classmethod
    def of(cls, data: HawkesData, cells: Cells, k: int) -> _Kind:
        """Market orders have a factor by gap, others have one bin of it for all."""
        groups, mirror = (2 * k, 2 * k + 1), cells.mirror()
        cell = [data.event_cell[g].astype(np.int64) for g in groups]
        exposure = [data.exposure[g, :, 0].reshape(cells.states, cells.gaps) for g in groups]
        has_gaps = k == 0 and cells.gaps > 1
        gap = np.concatenate(cell) % cells.gaps
        return cls(
            groups=groups,
            state=np.concatenate([cell[0] // cells.gaps, mirror[cell[1] // cells.gaps]]),
            gap=gap if has_gaps else np.zeros_like(gap),
            seconds=exposure[0] + exposure[1][mirror],
            has_gaps=has_gaps,
        )


def _all_cells(factors: list[_Factors], cells: Cells) -> Array:
    mirror = cells.mirror()
    by_cell = [
        np.outer(each.state[at], each.gap).ravel()
        for each in factors
        for at in (np.arange(cells.states), mirror)
    ]
    return np.array(by_cell)


def _cautions(kinds: list[_Kind], cells: Cells, converged: bool) -> list[Caution]:
    cautions = []
    if not converged:
        text = f"expected a likelihood that stands still after {ROUNDS} rounds, got one that rises"
        cautions.append(Caution("not_converged", "state_factors", text))
    visited = len(np.unique(np.concatenate([kind.state for kind in kinds])))
    if visited < 2 and cells.states > 1:
        text = (
            f"expected events in several states of the book, got them in {visited}; factors are 1"
        )
        cautions.append(Caution("one_state", "state_factors", text))
    return cautions


def _improved(
    kind: _Kind, data: HawkesData, hawkes: HawkesFit, factors: _Factors, cells: Cells
) -> tuple[_Factors, float]:
    """The factors of greatest likelihood with the excitation held.

    And what the baseline is to be multiplied with, so that their means may be 1.
    """
    baseline_hz = float(hawkes.theta[kind.groups[0], 0])
    if not baseline_hz > 0.0 or not kind.seconds.any():
        return factors, 1.0
    begotten = _begotten(kind, data, hawkes) / baseline_hz
    bare = baseline_hz * kind.seconds
    state, gap = factors.state, factors.gap
    for _ in range(STEPS):
        before = np.concatenate([state, gap])
        share = _baseline_share(kind, state, gap, begotten)
        weight = _prior_weight(share)
        due = bare @ gap
        seen, squares = _sums(kind.state, share, cells.states)
        prior = (_around(seen, cells) + weight) / (_around(due, cells) + weight)
        state = _step(state, (seen + weight * prior, squares + weight * prior, due + weight))
        if kind.has_gaps:
            share = _baseline_share(kind, state, gap, begotten)
            seen, squares = _sums(kind.gap, share, cells.gaps)
            gap = _step(gap, (seen + weight, squares + weight, state @ bare + weight))
        if np.abs(np.concatenate([state, gap]) / before - 1.0).max() < STEP_TOLERANCE:
            break
    mean_state = float(state @ (bare @ gap)) / float((bare @ gap).sum())
    state = state / mean_state
    mean_gap = float(gap @ (state @ bare)) / float((state @ bare).sum())
    return _Factors(state, gap / mean_gap), mean_state * mean_gap


def _begotten(kind: _Kind, data: HawkesData, hawkes: HawkesFit) -> Array:
    return np.concatenate([data.excitation(hawkes.theta, g) for g in kind.groups])


def _baseline_share(kind: _Kind, state: Array, gap: Array, begotten: Array) -> Array:
    """Of each event: the probability that it came of the baseline, which is 1 here."""
    spontaneous = state[kind.state] * gap[kind.gap]
    return np.asarray(spontaneous / (spontaneous + begotten))


def _sums(at: Ints, share: Array, bins: int) -> tuple[Array, Array]:
    """Of p and of p^2, by bin."""
    seen = np.bincount(at, share, bins).astype(np.float64)
    return seen, np.bincount(at, share**2, bins).astype(np.float64)


def _prior_weight(share: Array) -> float:
    """Events of the baseline that tell as much as `PRIOR_EVENTS` of all events do."""
    return PRIOR_EVENTS * max(float((share**2).mean()), 1e-6) if len(share) else PRIOR_EVENTS


def _step(factor: Array, sums: tuple[Array, Array, Array]) -> Array:
    """Newton's step for the factor f of each bin.

    The slope of the likelihood is (sum of p) / f - due, and it falls by (sum of p^2) / f^2; events
    of the prior are among those of the sums.
    """
    seen, squares, due = sums
    step = 1.0 + (seen - factor * due) / squares
    return np.asarray(factor * np.clip(step, 1.0 / STEP_MOST, STEP_MOST))


def _around(values: Array, cells: Cells) -> Array:
    """Sum over the state and its (up to four) neighbours."""
    padded = np.pad(values.reshape(cells.spreads, cells.imbalances), 1)
    around = (
        padded[1:-1, 1:-1]
        + padded[:-2, 1:-1]
        + padded[2:, 1:-1]
        + padded[1:-1, :-2]
        + padded[1:-1, 2:]
    )
    return np.asarray(around.ravel())


def _errors(
    kind: _Kind, data: HawkesData, hawkes: HawkesFit, factors: _Factors, cells: Cells
) -> _Factors:
    """Standard errors, from the information on the factors' logarithms and on the kernels.

    The baseline is in the factors, whose means are divided out of them afterwards.
    """
    own = kind.groups[0]
    kernels = np.flatnonzero(hawkes.theta[own, 1:] > 0.0)
    columns = (1 + kernels, data.mirror()[1 + kernels])
    past = np.concatenate([data.features[g][:, columns[i]] for i, g in enumerate(kind.groups)])
    baseline_hz = float(hawkes.theta[own, 0])
    spontaneous = baseline_hz * factors.state[kind.state] * factors.gap[kind.gap]
    intensity = spontaneous + _begotten(kind, data, hawkes)
    past /= intensity[:, np.newaxis]
    n, width = len(intensity), cells.states + cells.gaps
    at = np.stack([kind.state, cells.states + kind.gap], axis=1)[:, : 2 if kind.has_gaps else 1]
    share = np.repeat(spontaneous / intensity, at.shape[1])
    places = (share, at.ravel(), np.arange(n + 1) * at.shape[1])
    of_factors = sparse.csr_matrix(places, shape=(n, width))
    information = np.zeros((width + len(kernels), width + len(kernels)))
    information[:width, :width] = (of_factors.T @ of_factors).toarray()
    information[:width, width:] = of_factors.T @ past
    information[width:, :width] = information[:width, width:].T
    information[width:, width:] = past.T @ past
    both = np.concatenate([factors.state, factors.gap])
    information[np.arange(width), np.arange(width)] += both * _prior_weight(spontaneous / intensity)
    covariance = np.linalg.pinv(information, hermitian=True)[:width, :width]
    due = (kind.seconds @ factors.gap, factors.state @ kind.seconds)
    centred = np.eye(width)
    for block, values, of in (
        (slice(0, cells.states), factors.state, due[0]),
        (slice(cells.states, width), factors.gap, due[1]),
    ):
        centred[block, block] -= values * of / max(float(values @ of), 1e-300)
    errors = both * np.sqrt(np.maximum(np.diag(centred @ covariance @ centred.T), 0.0))
    return _Factors(errors[: cells.states], errors[cells.states :])


def _state_estimates(
    kinds: list[_Kind], factors: list[_Factors], errors: list[_Factors], cells: Cells
) -> tuple[Estimate, ...]:
    orders = (np.arange(cells.states), cells.mirror())
    return tuple(
        Estimate(
            _tuple(factors[k].state[at]),
            _tuple(errors[k].state[at]),
            len(kind.state),
            note="both sides together",
        )
        for k, kind in enumerate(kinds)
        for at in orders
    )


def _tuple(values: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
