"""Which cancel classes go with the kernels: chosen by the likelihood of who is cancelled when.

Lives alone would put every order that is cancelled within milliseconds into a class of its own; but
kernels bring such bursts too, and both together would count them twice. So classes with several
flickering rates are tried, as multiples of the mean rate, and none at all. A cancel of order i out
of the orders at risk with hazards w_j (by place and age) has the intensity w_i x bracket, and

    log-likelihood = that of the cancels' times with sum_j w_j at risk + sum over cancels of
                     log(w_i / sum_j w_j).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution
from calibration.estimators.cancel_classes import CancelClasses, fit_cancel_classes
from calibration.estimators.hawkes import N_GROUPS, HawkesData, maximise
from calibration.flow_events import FlowEvents
from rlmm_tf.kernels.flow import FlowFlag, LifeEnd, age_bins

MULTIPLES = (2.0, 4.0, 8.0, 16.0)  # of the mean rate
CANCELS_LEAST = 500

Array = NDArray[np.float64]
Reread = Callable[[CancelClasses], FlowEvents]


def choose_classes(
    events: FlowEvents, decays_hz: tuple[float, ...], reread: Reread
) -> tuple[CancelClasses | None, FlowEvents, tuple[Caution, ...]]:
    """The best classes (None: one is enough), and the events with orders at risk by them.

    Args:
        events: with every order at risk alike.
        decays_hz: of the kernels.
        reread: the same events with orders at risk by the hazards of classes.
    """
    lives = events.lives
    cancelled = lives.end == LifeEnd.CANCELLED
    n, seconds = int(cancelled.sum()), float(lives.seconds.sum())
    if n < CANCELS_LEAST or seconds <= 0.0:
        text = f"expected {CANCELS_LEAST} cancels of orders seen to arrive, got {n}; one class"
        return None, events, (Caution("one_cancel_class", "cancels", text),)
    chosen, best, kept = None, likelihood(events, None, decays_hz), events
    for multiple in MULTIPLES:
        rate_hz = multiple * n / seconds
        classes = fit_cancel_classes(
            lives.seconds, cancelled, lives.away_ticks, flickering_hz=rate_hz
        )
        if any(caution.code == "one_cancel_class" for caution in classes.cautions):
            continue
        weighted = reread(classes)
        value = likelihood(weighted, classes, decays_hz)
        if value > best:
            chosen, best, kept = classes, value, weighted
    if chosen is None:
        text = "no two classes explain the cancels better than one"
        return None, events, (Caution("one_cancel_class", "cancels", text),)
    return chosen, kept, chosen.cautions


def likelihood(
    events: FlowEvents, classes: CancelClasses | None, decays_hz: tuple[float, ...]
) -> float:
    """Of the cancels: when they come, and of which orders."""
    offset = np.ones((N_GROUPS, len(events)))
    offset[4:] = events.at_risk.sum(axis=2).T
    cell = np.where(events.counts, 0, -1).astype(np.int32)
    cell = np.ascontiguousarray(np.broadcast_to(cell, (N_GROUPS, len(events))))
    data = HawkesData.of(events.t_s, events.group, decays_hz, offset, cell, 1)
    value = float(data.log_offset[4:].sum())
    for g in (4, 5):
        exposure = data.exposure[g, 0]
        best = maximise(data.features[g], exposure)
        if best.theta[0] > 0.0:
            value += float(np.log(data.features[g] @ best.theta).sum() - exposure @ best.theta)
        value += _whose(events, classes, g, offset[g])
    return value


def _whose(events: FlowEvents, classes: CancelClasses | None, group: int, at_risk: Array) -> float:
    """Sum over cancels of the log share of the order's hazard in that of all."""
    rows = np.flatnonzero(events.counted & (events.group == group))
    total = at_risk[rows - 1]
    hazard = np.ones(len(rows))
    if classes is not None:
        known = (events.flags[rows] & FlowFlag.AGE_KNOWN) > 0
        place = np.sign(events.away_ticks[rows]) + 1
        by_age = classes.age_weights()[place, age_bins(np.maximum(events.age_ns[rows], 1))]
        hazard = np.where(known, by_age, classes.hazards[0])
    usable = total > 0.0
    return float(np.log(np.minimum(hazard[usable] / total[usable], 1.0)).sum())
