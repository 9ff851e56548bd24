"""Flows that excite one another in a book whose state drives their baselines: one replication."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.estimators.hawkes import N_GROUPS, HawkesData
from calibration.estimators.state_factors import Cells

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS = Cells(2, 3, 2)
DECAY_HZ = 2.0
STATE_S = 4.0  # on average
BASELINE_HZ = (0.5, 1.0, 0.8)  # by kind
# By kind and state, as the bid side sees them; of market orders by gap.
FACTOR = np.array(
    [
        [2.5, 1.5, 0.8, 0.6, 0.4, 0.2],
        [0.5, 1.0, 1.5, 0.8, 1.2, 1.0],
        [1.0, 0.4, 1.0, 2.0, 1.0, 0.6],
    ]
)
GAP_FACTOR = np.array([0.7, 1.6])
SAME, OPPOSITE = 0.2, 0.08  # events of each kind that one of any kind begets, by side


def simulated_states(rng: np.random.Generator, scale: int) -> tuple[HawkesData, list[Array], Array]:
    """Data, then the true factors by kind and by gap, each with a mean of 1 over the sample."""
    seconds = 3000.0 * scale
    changes = np.concatenate([[0.0], np.sort(rng.uniform(0.0, seconds, int(seconds / STATE_S)))])
    state = rng.integers(0, CELLS.states, len(changes))
    gap = rng.integers(0, CELLS.gaps, (2, len(changes)))
    events = _immigrants(changes, state, gap, seconds, rng)
    born = events
    while any(len(times) for times in born):
        born = _children(born, seconds, rng)
        events = [np.concatenate(pair) for pair in zip(events, born, strict=True)]
    t_s = np.concatenate([changes, *events, [seconds]])
    group = np.full(len(t_s), 255, np.uint8)
    group[len(changes) : -1] = np.repeat(range(N_GROUPS), [len(times) for times in events])
    order = np.argsort(t_s, kind="stable")
    t_s, group = t_s[order], group[order]
    at = np.searchsorted(changes, t_s, side="right") - 1
    cell = np.array([state[at] * CELLS.gaps + gap[g % 2][at] for g in range(N_GROUPS)], np.int32)
    data = HawkesData.of(t_s, group, (DECAY_HZ,), np.ones(cell.shape), cell, CELLS.count)
    lasted = np.diff(np.append(changes, seconds))
    time = np.zeros((CELLS.states, CELLS.gaps))
    mirror = CELLS.mirror()
    np.add.at(time, (state, gap[0]), lasted)
    np.add.at(time, (mirror[state], gap[1]), lasted)
    weights = [time @ GAP_FACTOR, time.sum(axis=1), time.sum(axis=1)]
    factors = [f * w.sum() / (f @ w) for f, w in zip(FACTOR, weights, strict=True)]
    of_gap = FACTOR[0] @ time
    return (
        data,
        factors,
        GAP_FACTOR * of_gap.sum() / (GAP_FACTOR @ of_gap),
    )


def _immigrants(
    changes: Array, state: Ints, gap: Ints, seconds: float, rng: np.random.Generator
) -> list[Array]:
    """Events of the baselines, by group: a Poisson flow of the greatest rate, thinned."""
    mirror, found = CELLS.mirror(), []
    for g in range(N_GROUPS):
        factor = FACTOR[g // 2][state if g % 2 == 0 else mirror[state]]
        if g < 2:
            factor = factor * GAP_FACTOR[gap[g]]
        times = rng.uniform(0.0, seconds, rng.poisson(BASELINE_HZ[g // 2] * factor.max() * seconds))
        at = np.searchsorted(changes, times, side="right") - 1
        found.append(times[rng.uniform(0.0, factor.max(), len(times)) < factor[at]])
    return found


def _children(parents: list[Array], seconds: float, rng: np.random.Generator) -> list[Array]:
    """What the events of a generation beget: the kernels know no state."""
    found = []
    for g in range(N_GROUPS):
        times = []
        for h, parent in enumerate(parents):
            number = rng.poisson(SAME if g % 2 == h % 2 else OPPOSITE, len(parent))
            born = np.repeat(parent, number)
            times.append(born + rng.exponential(1.0 / DECAY_HZ, len(born)))
        every = np.concatenate(times)
        found.append(every[every < seconds])
    return found
