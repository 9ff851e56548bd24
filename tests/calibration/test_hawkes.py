"""Hawkes parameters: found again in simulated markets, and honest where the data are poor."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.estimators.hawkes import (
    N_GROUPS,
    HawkesData,
    effective_radius,
    fit_hawkes,
    maximise,
    residuals_of,
    stable,
)
from calibration.flow_events import FlowEvents, read_flow
from rlmm_tf.market_model import BRANCHING_RADIUS_MAX
from rlmm_tf.market_parts import CancelParams, GroupParams
from tests.calibration.markets import known_market, recorded

DECAYS_HZ = (50.0, 1.0)


@pytest.fixture(scope="module")
def plain_events() -> FlowEvents:
    """Of a market with kernels only: no state, and cancels by the group."""
    model = known_market()
    per_order = (1.0, 1.0, 1.0, 1.0, 40.0, 40.0)
    kernels = np.reshape(model.excitation, (2, 6, 6)) * np.array(per_order)[:, np.newaxis]
    groups = tuple(
        GroupParams(baseline_hz=group.baseline_hz * scale)
        for group, scale in zip(model.groups, per_order, strict=True)
    )
    changed = known_market(
        groups=groups,
        excitation=tuple(kernels.ravel().tolist()),
        cancels=CancelParams(per_order=False),
    )
    return read_flow([recorded(changed, 3000)])


def data_of(events: FlowEvents) -> HawkesData:
    cell = np.where(events.counts, 0, -1).astype(np.int32)
    cell = np.ascontiguousarray(np.broadcast_to(cell, (N_GROUPS, len(events))))
    offset = np.ones((N_GROUPS, len(events)))
    return HawkesData.of(events.t_s, events.group, DECAYS_HZ, offset, cell, 1)


def test_recovery(plain_events: FlowEvents) -> None:
    fit = fit_hawkes(data_of(plain_events))
    assert fit.converged
    model = known_market()
    truth = np.reshape(model.excitation, (2, 6, 6)).copy()
    truth[:, 4:] *= 40.0
    kernels = np.reshape(fit.excitation.numbers, (2, 6, 6))
    errors = np.reshape(fit.excitation.standard_error, (2, 6, 6))
    bid = kernels[:, ::2] - truth[:, ::2]
    z = (bid / errors[:, ::2])[kernels[:, ::2] > 0.0]
    assert np.abs(z).max() < 4.5
    assert (np.abs(z) < 1.96).mean() > 0.8
    baselines = np.array([0.6, 0.6, 3.0, 3.0, 2.4, 2.4])
    errors_of = np.array(fit.baseline_hz.standard_error)
    assert (np.abs(np.array(fit.baseline_hz.numbers) - baselines) < 4.0 * errors_of).all()
    assert fit.gain_per_event > 0.04


def test_residuals_tell_the_model_from_poisson(plain_events: FlowEvents) -> None:
    events, data = plain_events, data_of(plain_events)
    cell = np.where(events.counts, 0, -1).astype(np.int32)
    cell = np.ascontiguousarray(np.broadcast_to(cell, (N_GROUPS, len(events))))
    offset = np.ones((N_GROUPS, len(events)))
    fit = fit_hawkes(data)
    poisson = np.zeros_like(fit.theta)
    poisson[:, 0] = data.counts / data.exposure[:, 0, 0]
    for theta, low, high in ((fit.theta, 0.0, 0.04), (poisson, 0.05, 1.0)):
        found = residuals_of(
            events.t_s, events.group, DECAYS_HZ, offset, offset, cell, theta, events.counted
        )
        assert all(low <= each.ks < high for each in found), found


def test_sides_share_parameters(plain_events: FlowEvents) -> None:
    fit = fit_hawkes(data_of(plain_events))
    kernels = np.reshape(fit.excitation.numbers, (2, 3, 2, 3, 2))
    np.testing.assert_array_equal(kernels[:, :, 0], kernels[:, :, 1][..., ::-1])
    apart = fit_hawkes(data_of(plain_events), symmetric=False)
    assert apart.log_likelihood > fit.log_likelihood


def test_maximum_is_one(plain_events: FlowEvents) -> None:
    """No direction that keeps the parameters above 0 leads upwards."""
    data = data_of(plain_events)
    features, exposure = data.features[2], data.exposure[2, 0]
    best = maximise(features, exposure)
    slope = features.T @ (1.0 / (features @ best.theta)) - exposure
    scaled = slope / exposure
    assert (scaled < 1e-3).all()
    assert (np.abs(scaled[best.theta > 0.0]) < 1e-3).all()


def test_few_events_get_a_baseline_only() -> None:
    events = read_flow([recorded(known_market(), 12)])
    fit = fit_hawkes(data_of(events))
    few = fit.theta[0]
    assert few[0] > 0.0
    assert (few[1:] == 0.0).all()
    assert any(caution.code == "few_events" for caution in fit.cautions)


def test_explosive_kernels_are_clipped() -> None:
    theta = np.zeros((N_GROUPS, 1 + N_GROUPS))
    theta[:, 0] = 1.0
    theta[:, 1:] = 1.3 * np.eye(N_GROUPS)
    share = np.tile([100.0, *[100.0] * N_GROUPS], (N_GROUPS, 1))
    clipped, caution = stable(theta, np.ones(N_GROUPS), share)
    assert caution is not None
    assert caution.code == "explosive_kernels"
    assert effective_radius(clipped, np.ones(N_GROUPS)) <= BRANCHING_RADIUS_MAX
    assert (clipped[:, 0] > 1.0).all()
