"""How the book drives each group: a factor by spread and imbalance, and one by the gap behind.

With the bracket mu + Hawkes of a group known, a factor's maximum of the likelihood is closed:

    f(state) = events in the state / integral of the bracket (and all other factors) in the state,

so factors and Hawkes parameters are fitted in turn until the likelihood stands still. Market orders
have a second factor by the gap between the queue that they hit and the next one. The ask side is
the bid side's mirror image: states with the imbalance reversed are pooled. Cells with few events
are drawn towards their neighbours by `PRIOR_EVENTS` events of their mean. The mean of each factor,
weighted by the events expected without it, is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from calibration.estimators.hawkes import N_GROUPS, HawkesData, HawkesFit, fit_hawkes

Array = NDArray[np.float64]

PRIOR_EVENTS = 10.0
ROUNDS = 12
TOLERANCE = 1e-5  # of the log-likelihood per event
MARKET_KINDS = 1  # the first kind of group has a gap factor


@dataclass(frozen=True)
class Cells:
    """Cells of the exposures: spread bin, then imbalance bin, then bin of the gap that is hit."""

    spreads: int
    imbalances: int
    gaps: int

    @property
    def count(self) -> int:
        """Of all cells."""
        return self.spreads * self.imbalances * self.gaps

    def shaped(self, values: Array) -> Array:
        """[..., spread, imbalance, gap]."""
        return values.reshape(*values.shape[:-1], self.spreads, self.imbalances, self.gaps)


@dataclass(frozen=True)
class StateFactors:
    """The fitted factors, and the Hawkes fit that belongs to them."""

    factor: tuple[Estimate, ...]  # by group: by spread bin, then imbalance bin
    hit_gap: Estimate  # by bin of the gap
    hawkes: HawkesFit
    cell_factor: Array  # [group][cell]: all factors together
    converged: bool
    cautions: tuple[Caution, ...] = ()


def fit_state_factors(data: HawkesData, cells: Cells) -> StateFactors:
    """Factors and kernels by turns."""
    seen = cells.shaped(data.seen())
    by_state = np.ones((N_GROUPS, cells.spreads, cells.imbalances))
    by_gap = np.ones(cells.gaps)
    cautions: list[Caution] = []
    n = max(int(data.counts.sum()), 1)
    theta, best, converged = None, -np.inf, False
    for _ in range(ROUNDS):
        factor = _all_cells(by_state, by_gap, cells)
        hawkes = fit_hawkes(data, factor, start=theta)
        theta = hawkes.theta
        gained, best = hawkes.log_likelihood - best, hawkes.log_likelihood
        if gained < TOLERANCE * n:
            converged = True
            break
        expected = cells.shaped(data.expected(theta))
        by_state, by_gap = _improved(seen, expected, by_state, by_gap)
    if not converged:
        text = f"expected a likelihood that stands still after {ROUNDS} rounds, got one that rises"
        cautions.append(Caution("not_converged", "state_factors", text))
    expected = cells.shaped(data.expected(hawkes.theta))
    visited = int((_mirrored(seen).sum(axis=(0, 3)) > 0.0).sum())
    if visited < 2 and cells.spreads * cells.imbalances > 1:
        text = (
            f"expected events in several states of the book, got them in {visited}; factors are 1"
        )
        cautions.append(Caution("one_state", "state_factors", text))
    return StateFactors(
        factor=_state_estimates(seen, expected, by_state, by_gap),
        hit_gap=_gap_estimate(seen, expected, by_state, by_gap),
        hawkes=hawkes,
        cell_factor=factor,
        converged=converged and hawkes.converged,
        cautions=(*cautions, *hawkes.cautions),
    )


def _all_cells(by_state: Array, by_gap: Array, cells: Cells) -> Array:
    factor = np.repeat(by_state[..., np.newaxis], cells.gaps, axis=-1)
    factor[: 2 * MARKET_KINDS] *= by_gap
    return factor.reshape(N_GROUPS, cells.count)


def _mirrored(values: Array) -> Array:
    """Both sides' [group][spread][imbalance][gap] as the bid side sees them, summed: [kind]..."""
    return values[0::2] + values[1::2][:, :, ::-1]


def _improved(seen: Array, expected: Array, by_state: Array, by_gap: Array) -> tuple[Array, Array]:
    """The closed form of each factor in turn, given the other."""
    events, bare = _mirrored(seen), _mirrored(expected)
    weighted = bare.copy()
    weighted[:MARKET_KINDS] *= by_gap
    of_kind = np.array(
        [_smoothed(events[k].sum(axis=2), weighted[k].sum(axis=2)) for k in range(len(events))]
    )
    both = np.empty_like(by_state)
    both[0::2], both[1::2] = of_kind, of_kind[:, :, ::-1]
    hits = (events[:MARKET_KINDS]).sum(axis=(0, 1, 2))
    due = (bare[:MARKET_KINDS] * of_kind[:MARKET_KINDS, :, :, np.newaxis]).sum(axis=(0, 1, 2))
    gaps = (hits + PRIOR_EVENTS) / (due + PRIOR_EVENTS)
    return both, gaps * due.sum() / max(float(gaps @ due), 1e-300)


def _smoothed(events: Array, expected: Array) -> Array:
    """Ratio with a prior at the mean of the cell and its neighbours; weighted mean 1."""
    around_events, around_expected = _around(events), _around(expected)
    prior = (around_events + PRIOR_EVENTS) / (around_expected + PRIOR_EVENTS)
    factor = (events + PRIOR_EVENTS * prior) / (expected + PRIOR_EVENTS)
    mean = float((factor * expected).sum()) / max(float(expected.sum()), 1e-300)
    return factor / mean if mean > 0.0 else np.ones_like(factor)


def _around(values: Array) -> Array:
    """Sum over the cell and its (up to four) neighbours."""
    padded = np.pad(values, 1)
    return np.asarray(
        padded[1:-1, 1:-1]
        + padded[:-2, 1:-1]
        + padded[2:, 1:-1]
        + padded[1:-1, :-2]
        + padded[1:-1, 2:]
    )


def _state_estimates(
    seen: Array, expected: Array, by_state: Array, by_gap: Array
) -> tuple[Estimate, ...]:
    """Standard errors with the other parameters held: sqrt(events) / expected."""
    weighted = expected.copy()
    weighted[: 2 * MARKET_KINDS] *= by_gap
    events, due = _mirrored(seen).sum(axis=3), _mirrored(weighted).sum(axis=3)
    errors = np.sqrt(events + PRIOR_EVENTS) / (due + PRIOR_EVENTS)
    return tuple(
        Estimate(
            tuple(by_state[g].ravel().tolist()),
            tuple((errors[g // 2] if g % 2 == 0 else errors[g // 2][:, ::-1]).ravel().tolist()),
            int(events[g // 2].sum()),
            note="both sides together",
        )
        for g in range(N_GROUPS)
    )


def _gap_estimate(seen: Array, expected: Array, by_state: Array, by_gap: Array) -> Estimate:
    weighted = expected * by_state[..., np.newaxis]
    hits = seen[: 2 * MARKET_KINDS].sum(axis=(0, 1, 2))
    due = weighted[: 2 * MARKET_KINDS].sum(axis=(0, 1, 2))
    errors = np.sqrt(hits + PRIOR_EVENTS) / (due + PRIOR_EVENTS)
    return Estimate(tuple(by_gap.tolist()), tuple(errors.tolist()), int(hits.sum()))
