"""How the spread moves: P(next bin | bin, kind of event) in each regime, and how long it stays.

Each row of a matrix is a multinomial law. With counts n[j] of N events and K bins, a Dirichlet
prior of total weight 1 gives

    p[j] = (n[j] + 1/K) / (N + 1),   variance p[j] (1 - p[j]) / (N + 2).

Beside the matrices: the mean stay in each bin (visits that a gap cuts short count as time, not as
exits), the share of time, and the law that jumps and stays imply,

    share[i] ~ visits[i] stay[i]   with visits = visits J, J the jumps to other bins:

where both agree, the chain of spreads forgets fast enough to be a chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from calibration.estimators.regime_chain import simulate_chain, stationary_law

ROW_EVENTS_LEAST = 30  # below, a row is mostly its prior
NS_PER_S = 1e9

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SpreadRegime:
    """Of one regime; matrices row by row."""

    by_kind: tuple[Estimate, ...]  # next bin given bin and kind
    jumps: Estimate  # next bin given bin, when it changes; a zero diagonal
    stay_s: Estimate
    time_share: tuple[float, ...]  # observed
    implied_share: tuple[float, ...]  # of jumps and stays


@dataclass(frozen=True)
class SpreadTransitions:
    """Matrices of each regime."""

    edges_ticks: tuple[int, ...]  # lower ones, rising
    kinds: tuple[str, ...]
    regimes: tuple[SpreadRegime, ...]
    n: int  # events with a spread before and after
    converged: bool
    cautions: tuple[Caution, ...] = ()

    def simulate(self, regime: int, jumps: int, rng: np.random.Generator) -> tuple[_Ints, _Ints]:
        """Times (ns, from 0) and bins of that many visits, with exponential stays."""
        part, bins = self.regimes[regime], len(self.edges_ticks)
        matrix = np.array(part.jumps.value).reshape(bins, bins)
        states = simulate_chain(matrix, stationary_law(matrix), jumps, rng)
        stays = rng.exponential(np.array(part.stay_s.value)[states]) * NS_PER_S
        starts = np.concatenate([[0.0], np.cumsum(stays)[:-1]])
        return starts.astype(np.int64), states


def fit_spread_transitions(
    ts_ns: _Ints,
    spread_ticks: _Ints,
    kind: _Ints,
    *,
    edges_ticks: Sequence[int],
    kinds: Sequence[str],
    regime: _Ints | None = None,
    regimes: int = 1,
) -> SpreadTransitions:
    """The matrices of a sequence of events.

    Args:
        ts_ns: of each event, not falling.
        spread_ticks: after it; 0 or less: there is none, or a stretch begins (nothing is counted
            from the event before).
        kind: of the event, from 0.
        edges_ticks: lower edges of the bins, rising.
        kinds: names of the kinds.
        regime: of each event; None: one for all.
        regimes: how many.

    Raises:
        ValueError: the arrays do not belong together.
    """
    edges = np.array(edges_ticks, dtype=np.int64)
    regime = np.zeros(len(ts_ns), dtype=np.int64) if regime is None else regime
    _require(ts_ns, spread_ticks, kind, regime, edges, len(kinds), regimes)
    state = np.where(spread_ticks > 0, np.searchsorted(edges, spread_ticks, side="right") - 1, -1)
    seconds = np.diff(ts_ns) / NS_PER_S
    whole = (state[:-1] >= 0) & (state[1:] >= 0)
    cautions: list[Caution] = []
    parts = tuple(
        _of_regime(state, seconds, whole, kind, regime == r, len(kinds), len(edges))
        for r in range(regimes)
    )
    for r in range(regimes):
        n_least = int(
            np.bincount(state[:-1][whole & (regime[1:] == r)], minlength=len(edges)).min()
        )
        if n_least < ROW_EVENTS_LEAST:
            text = (
                f"expected {ROW_EVENTS_LEAST} events in each spread bin of regime {r}, got "
                f"{n_least} in one: its row is mostly the prior; wider bins would help"
            )
            cautions.append(Caution("spread_thin_row", "spread_transitions", text))
    return SpreadTransitions(
        edges_ticks=tuple(int(edge) for edge in edges),
        kinds=tuple(kinds),
        regimes=parts,
        n=int(whole.sum()),
        converged=True,
        cautions=tuple(cautions),
    )


def _require(
    ts_ns: _Ints,
    spread: _Ints,
    kind: _Ints,
    regime: _Ints,
    edges: _Ints,
    kinds: int,
    regimes: int,
) -> None:
    if not len(ts_ns) == len(spread) == len(kind) == len(regime):
        raise ValueError(
            "ts_ns: expected as many as spread_ticks, kind and regime, got "
            f"{len(ts_ns)}, {len(spread)}, {len(kind)}, {len(regime)}"
        )
    if np.any(np.diff(ts_ns) < 0):
        raise ValueError("ts_ns: expected times that do not fall")
    if len(edges) == 0 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"edges_ticks: expected rising lower edges, got {edges.tolist()}")
    if np.any((spread > 0) & (spread < edges[0])):
        raise ValueError(f"spread_ticks: expected none below the first edge, {edges[0]}")
    for name, values, below in (("kind", kind, kinds), ("regime", regime, regimes)):
        if len(values) and not 0 <= values.min() <= values.max() < below:
            raise ValueError(
                f"{name}: expected 0 to {below - 1}, got {values.min()} to {values.max()}"
            )


def _of_regime(
    state: _Ints,
    seconds: _Floats,
    whole: NDArray[np.bool_],
    kind: _Ints,
    in_regime: NDArray[np.bool_],
    kinds: int,
    bins: int,
) -> SpreadRegime:
    counts = np.zeros((kinds, bins, bins))
    here = whole & in_regime[1:]
    np.add.at(counts, (kind[1:][here], state[:-1][here], state[1:][here]), 1.0)
    jumps = counts.sum(axis=0) * (1 - np.eye(bins))
    # Time in a bin, by the regime of the event that began it.
    timed = (state[:-1] >= 0) & in_regime[:-1]
    time_s = np.bincount(state[:-1][timed], seconds[timed], bins).astype(np.float64)
    stay = _stays(state, seconds, whole, in_regime, time_s)
    law = _dirichlet(jumps, diagonal=False)
    matrix = np.array(law.value).reshape(bins, bins)
    visits = stationary_law(matrix) if bins > 1 else np.ones(1)
    implied = visits * np.array(stay.value)
    return SpreadRegime(
        by_kind=tuple(_dirichlet(counts[k], diagonal=True) for k in range(kinds)),
        jumps=law,
        stay_s=stay,
        time_share=tuple((time_s / max(time_s.sum(), 1e-300)).tolist()),
        implied_share=tuple((implied / max(implied.sum(), 1e-300)).tolist()),
    )


def _stays(
    state: _Ints,
    seconds: _Floats,
    whole: NDArray[np.bool_],
    in_regime: NDArray[np.bool_],
    time_s: _Floats,
) -> Estimate:
    """Time in a bin over the number of times it was left; errors from the visits' own spread."""
    bins = len(time_s)
    same = whole & (state[:-1] == state[1:])
    visit = np.concatenate([[0], np.cumsum(~same)])  # of each event
    n_visits = int(visit[-1]) + 1
    length = np.bincount(visit[:-1], weights=np.where(state[:-1] >= 0, seconds, 0.0))
    length = np.pad(length, (0, n_visits - len(length)))
    first = np.searchsorted(visit, np.arange(n_visits))
    last = np.append(first[1:], len(state)) - 1
    left = (last < len(whole)) & np.append(whole, False)[last]
    mean, error, exits_all = np.zeros(bins), np.zeros(bins), 0
    for b in range(bins):
        mine = (state[first] == b) & in_regime[first]
        exits = int((mine & left).sum())
        exits_all += exits
        mean[b] = time_s[b] / max(exits, 1)
        # Of a ratio: sum of (length - mean x left)^2, over the exits squared.
        residual = length[mine] - mean[b] * left[mine]
        error[b] = np.sqrt((residual**2).sum()) / max(exits, 1)
    return Estimate(tuple(mean.tolist()), tuple(error.tolist()), exits_all)


def _dirichlet(counts: _Floats, *, diagonal: bool) -> Estimate:
    """Posterior means and deviations, row by row."""
    bins = len(counts)
    allowed = np.ones((bins, bins)) if diagonal or bins == 1 else 1 - np.eye(bins)
    prior = allowed / allowed.sum(axis=1, keepdims=True)
    total = counts.sum(axis=1, keepdims=True) + 1
    mean = (counts + prior) / total
    error = np.sqrt(mean * (1 - mean) / (total + 1))
    n = int(counts.sum())
    return Estimate(tuple(mean.ravel().tolist()), tuple(error.ravel().tolist()), n)
