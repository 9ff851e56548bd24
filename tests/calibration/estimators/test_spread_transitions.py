"""Transitions of the spread: by hand, against a loop, recovered, and never across a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.estimate import Estimate
from calibration.estimators.spread_transitions import (
    SpreadRegime,
    SpreadTransitions,
    fit_spread_transitions,
)

NS = 1_000_000_000


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def test_a_short_sequence_by_hand() -> None:
    fit = fit_spread_transitions(
        whole(0, 1, 3, 6, 7) * NS,
        whole(1, 2, 1, 1, 5),
        whole(0, 0, 1, 0, 0),
        edges_ticks=(1, 2),
        kinds=("limit", "cancel"),
    )
    (only,) = fit.regimes
    # limit: 1 -> 2, 1 -> 1, 1 -> 5; cancel: 2 -> 1. Prior 1/2 in each of two bins.
    assert only.by_kind[0].value == pytest.approx((1.5 / 4, 2.5 / 4, 0.5, 0.5))
    assert only.by_kind[1].value == pytest.approx((0.5, 0.5, 1.5 / 2, 0.5 / 2))
    assert only.by_kind[0].standard_error[0] == pytest.approx(  # type: ignore[index]
        np.sqrt(1.5 / 4 * 2.5 / 4 / 5)
    )
    # Bin of 1 tick: 1 s + (3 + 1) s in two visits; bin above: 2 s, and a visit without an end.
    assert only.stay_s.value == pytest.approx((2.5, 2.0))
    assert only.time_share == pytest.approx((5 / 7, 2 / 7))
    assert only.jumps.value == pytest.approx((0.0, 1.0, 1.0, 0.0))
    assert only.implied_share == pytest.approx((2.5 / 4.5, 2 / 4.5))
    assert fit.n == 4
    assert [caution.code for caution in fit.cautions] == ["spread_thin_row"]


def test_nothing_is_counted_across_a_gap() -> None:
    fit = fit_spread_transitions(
        whole(0, 1, 2, 10, 11) * NS,
        whole(1, 0, 2, 2, 1),
        whole(0, 0, 0, 0, 0),
        edges_ticks=(1, 2),
        kinds=("any",),
    )
    assert fit.n == 2  # 2 -> 2 and 2 -> 1
    assert fit.regimes[0].stay_s.value == pytest.approx((1.0, 9.0))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 1), st.integers(0, 1)),
        min_size=2,
        max_size=40,
    )
)
def test_counts_are_those_of_a_loop(rows: list[tuple[int, int, int, int]]) -> None:
    gaps, spreads, kinds, regimes = (
        np.array(part, dtype=np.int64) for part in zip(*rows, strict=True)
    )
    ts_ns = np.cumsum(gaps) * NS
    fit = fit_spread_transitions(
        ts_ns, spreads, kinds, edges_ticks=(1, 2, 3), kinds=("a", "b"), regime=regimes, regimes=2
    )
    counts, time_s, exits = np.zeros((2, 2, 3, 3)), np.zeros((2, 3)), np.zeros((2, 3))
    begun = -1
    for i in range(len(rows)):
        now = min(int(spreads[i]), 3) - 1
        before = min(int(spreads[i - 1]), 3) - 1 if i else -1
        if before >= 0:
            time_s[regimes[i - 1], before] += gaps[i]
        if before >= 0 and now >= 0:
            counts[regimes[i], kinds[i], before, now] += 1
            if now != before:
                exits[begun, before] += 1
        if now != before:
            begun = int(regimes[i])
    for r, part in enumerate(fit.regimes):
        for k in range(2):
            total = counts[r, k].sum(axis=1, keepdims=True)
            assert part.by_kind[k].value == pytest.approx(
                ((counts[r, k] + 1 / 3) / (total + 1)).ravel()
            )
        assert part.stay_s.value == pytest.approx(time_s[r] / np.maximum(exits[r], 1))


def true_model() -> SpreadTransitions:
    def known(*values: float) -> Estimate:
        return Estimate(values, (0.0,) * len(values), 1)

    part = SpreadRegime(
        by_kind=(),
        jumps=known(0.0, 0.7, 0.3, 0.6, 0.0, 0.4, 0.5, 0.5, 0.0),
        stay_s=known(2.0, 0.5, 1.0),
        time_share=(),
        implied_share=(),
    )
    return SpreadTransitions((1, 2, 3), ("any",), (part,), 0, converged=True)


def test_its_own_model_is_recovered_with_honest_intervals() -> None:
    true, covered = true_model(), []
    for seed in range(60):
        ts_ns, states = true.simulate(0, 1000, np.random.default_rng([2, seed]))
        fit = fit_spread_transitions(
            ts_ns, states + 1, np.zeros_like(states), edges_ticks=(1, 2, 3), kinds=("any",)
        )
        for name in ("jumps", "stay_s"):
            low, high = getattr(fit.regimes[0], name).interval_95()
            wanted = getattr(true.regimes[0], name).value
            covered += [a < w < b for a, w, b in zip(low, wanted, high, strict=True) if w]
    assert 0.92 <= np.mean(covered) <= 0.98
    assert fit.regimes[0].implied_share == pytest.approx(fit.regimes[0].time_share, abs=0.05)


def test_a_spread_that_never_changes() -> None:
    ones = np.ones(100, dtype=np.int64)
    fit = fit_spread_transitions(
        np.arange(100) * NS, ones, 0 * ones, edges_ticks=(1,), kinds=("any",)
    )
    assert fit.regimes[0].time_share == (1.0,)
    assert fit.regimes[0].by_kind[0].value == (1.0,)


def test_what_does_not_belong_together_is_refused() -> None:
    one, none = whole(1), whole(0)

    def fit(**changes: object) -> None:
        arguments = {"ts_ns": one, "spread_ticks": one, "kind": none, "edges_ticks": (1,)}
        fit_spread_transitions(**{**arguments, "kinds": ("a",), **changes})  # type: ignore[arg-type]

    with pytest.raises(ValueError, match=r"got 2, 1, 1, 2"):
        fit(ts_ns=whole(1, 2))
    with pytest.raises(ValueError, match="times that do not fall"):
        fit(ts_ns=whole(2, 1), spread_ticks=whole(1, 1), kind=whole(0, 0))
    with pytest.raises(ValueError, match="expected rising lower edges"):
        fit(edges_ticks=(2, 1))
    with pytest.raises(ValueError, match="none below the first edge, 2"):
        fit(edges_ticks=(2,))
    with pytest.raises(ValueError, match="kind: expected 0 to 0, got 1 to 1"):
        fit(kind=one)
