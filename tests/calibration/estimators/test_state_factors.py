"""Factors of the baselines: closed where there are no kernels, a maximum where there are."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.estimators import state_factors
from calibration.estimators.hawkes import N_GROUPS, HawkesData
from calibration.estimators.state_factors import Cells, fit_state_factors
from experiments.benchmarks import recovery_states
from experiments.benchmarks.recovery_states import simulated_states

CELLS = Cells(2, 3, 1)


def poisson_data(rng: np.random.Generator, rates_hz: np.ndarray) -> HawkesData:
    """Of 400 s in each state in turn; rates by state, the same for all groups."""
    starts = 400.0 * np.arange(CELLS.states)
    counts = rng.poisson(400.0 * rates_hz, (N_GROUPS, CELLS.states))
    parts = [(starts, np.full(CELLS.states, 255), np.arange(CELLS.states))]
    for g in range(N_GROUPS):
        state = np.repeat(np.arange(CELLS.states), counts[g])
        parts.append((starts[state] + rng.uniform(0.0, 400.0, len(state)), 0 * state + g, state))
    end = np.array([400.0 * CELLS.states])
    parts.append((end, np.array([255]), np.array([-1])))
    t_s, group, state = (np.concatenate([part[i] for part in parts]) for i in range(3))
    order = np.argsort(t_s, kind="stable")
    cell = np.tile(state[order], (N_GROUPS, 1)).astype(np.int32)
    ones = np.ones(cell.shape)
    return HawkesData.of(t_s[order], group[order].astype(np.uint8), (), ones, cell, CELLS.count)


def test_without_kernels_a_factor_is_events_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_factors, "PRIOR_EVENTS", 1e-6)
    data = poisson_data(np.random.default_rng(1), np.array([2.0, 1.0, 0.5, 1.0, 4.0, 0.2]))
    fit = fit_state_factors(data, CELLS)
    assert fit.converged
    mirror = CELLS.mirror()
    for k in range(3):
        seen = np.bincount(data.event_cell[2 * k], minlength=6)
        both = seen + np.bincount(data.event_cell[2 * k + 1], minlength=6)[mirror]
        factor = both / both.mean()
        assert fit.factor[2 * k].numbers == pytest.approx(tuple(factor), rel=1e-3)
        assert fit.factor[2 * k + 1].numbers == pytest.approx(tuple(factor[mirror]), rel=1e-3)
        # A share of a multinomial: its logarithm varies by 1/n less that of the total.
        share = both / both.sum()
        errors = factor * np.sqrt((1.0 - share) / both)
        found = np.array(fit.factor[2 * k].standard_error)
        assert found == pytest.approx(errors, rel=0.05)


def test_no_other_factor_is_more_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_factors, "PRIOR_EVENTS", 1e-6)
    monkeypatch.setattr(state_factors, "TOLERANCE", 1e-8)
    rng = np.random.default_rng(2)
    data, _, _ = simulated_states(rng, 1)
    fit = fit_state_factors(data, recovery_states.CELLS)
    assert fit.converged
    theta, mirror = fit.hawkes.theta, recovery_states.CELLS.mirror()
    best = data.log_likelihood(theta, fit.cell_factor).sum()
    assert best == pytest.approx(fit.hawkes.log_likelihood)
    for _ in range(20):
        change = 0.05 * rng.standard_normal((3, len(mirror)))
        both = np.stack([change, change[:, mirror]], axis=1).reshape(N_GROUPS, len(mirror))
        by_gap = np.zeros((N_GROUPS, 1, 2))
        by_gap[:2] = 0.05 * rng.standard_normal(2)
        other = np.exp(both[:, :, np.newaxis] + by_gap).reshape(N_GROUPS, -1)
        assert data.log_likelihood(theta, other * fit.cell_factor).sum() < best


def test_few_events_stay_near_their_neighbours() -> None:
    rates_hz = np.ones(CELLS.states)
    data = poisson_data(np.random.default_rng(3), rates_hz)
    exposure = data.exposure.copy()
    exposure[:, 0] = 0.0  # nobody was ever there
    seen = [cell != 0 for cell in data.event_cell]
    thin = HawkesData(
        data.decays_hz,
        tuple(each[s] for each, s in zip(data.features, seen, strict=True)),
        tuple(each[s] for each, s in zip(data.event_cell, seen, strict=True)),
        exposure,
        data.log_offset,
    )
    fit = fit_state_factors(thin, CELLS)
    assert fit.factor[2].numbers[0] == pytest.approx(1.0, abs=0.1)
