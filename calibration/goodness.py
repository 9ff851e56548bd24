"""How well a market model explains events: likelihood against Poisson flows, residuals in its time.

What nobody sees is left at its mean: regimes and the hidden price count with a factor of 1. The
model is read as the simulator reads it, so that this checks the document and not the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.activity import Minutes
from calibration.depth import shown_share
from calibration.estimators.hawkes import (
    N_GROUPS,
    HawkesData,
    Residuals,
    poisson_log_likelihood,
    residuals_of,
)
from calibration.flow_events import DISTANCE_EDGES, FlowEvents
from calibration.flow_states import StateBins
from rlmm_tf.market_model import MarketModel

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Goodness:
    """Of one set of events."""

    n: int
    log_likelihood: float
    poisson_log_likelihood: float  # of flows with the rates of these very events
    residuals: tuple[Residuals, ...]

    @property
    def gain_per_event(self) -> float:
        """Nats over Poisson flows that know the rates."""
        return (self.log_likelihood - self.poisson_log_likelihood) / max(self.n, 1)

    def to_json(self) -> dict[str, Any]:
        """Plain values; a number that is not finite becomes None."""
        return {
            "events": self.n,
            "log_likelihood_per_event": _plain(self.log_likelihood / max(self.n, 1)),
            "gain_over_poisson_per_event": _plain(self.gain_per_event),
            "residuals": {
                each.group: {
                    "n": each.n,
                    "ks": _plain(each.ks),
                    "acf_1": _plain(each.acf_1),
                    "dispersion": _plain(each.dispersion),
                }
                for each in self.residuals
            },
        }


def goodness_of(
    model: MarketModel,
    events: FlowEvents,
    season_of: Minutes | None = None,
) -> Goodness:
    """Of the model on the events that count.

    Args:
        model: the market.
        events: the same that it was fitted to, or others of its instrument.
        season_of: which part of the session each row lies in; None: worked out.
    """
    bins = StateBins(
        model.spread_bin_ticks, model.imbalance_bin_edges, model.hit_gap_bin_ticks or (1,)
    )
    cell = bins.cell(events)
    minutes = season_of or Minutes.of(events)
    factor = _given(model, events, minutes)
    factor[2:4] *= shown_share(events, model.limit_marks, bins.spread_bin(events.spread_ticks))
    by_cell = _cell_factor(model, bins)
    of_baseline = np.take_along_axis(by_cell, np.maximum(cell, 0), axis=1)
    theta = theta_of(model)
    data = HawkesData.of(events.t_s, events.group, model.decays_hz, factor, cell, bins.cells.count)
    with np.errstate(divide="ignore"):
        value = float(data.log_likelihood(theta, by_cell).sum())
    counts = data.counts
    seconds = np.full(N_GROUPS, events.seconds.sum())
    residuals = residuals_of(
        events.t_s, events.group, model.decays_hz, factor, of_baseline, cell, theta, events.counted
    )
    return Goodness(int(counts.sum()), value, poisson_log_likelihood(counts, seconds), residuals)


def theta_of(model: MarketModel) -> Array:
    """Baselines and kernels, [group][feature]."""
    kernels = np.reshape(model.excitation, (len(model.decays_hz), N_GROUPS, N_GROUPS))
    theta = np.empty((N_GROUPS, 1 + kernels.shape[0] * N_GROUPS))
    theta[:, 0] = [group.baseline_hz for group in model.groups]
    theta[:, 1:] = kernels.transpose(1, 0, 2).reshape(N_GROUPS, -1)
    return theta


def _cell_factor(model: MarketModel, bins: StateBins) -> Array:
    """Of the baseline, [group][cell]."""
    states, gaps = model.n_states, bins.cells.gaps
    factor = np.ones((N_GROUPS, states, gaps))
    for g, group in enumerate(model.groups):
        if group.state_factor:
            factor[g] *= np.array(group.state_factor)[:, np.newaxis]
        if g < 2 and model.hit_gap_factor:
            factor[g] *= np.array(model.hit_gap_factor)
    return factor.reshape(N_GROUPS, states * gaps)


def _given(model: MarketModel, events: FlowEvents, minutes: Minutes) -> Array:
    factor = np.ones((N_GROUPS, len(events)))
    for g, group in enumerate(model.groups):
        if group.season_factor:
            at = (minutes.since_s / model.season_bin_s).astype(np.int64)
            last = len(group.season_factor) - 1
            factor[g] *= np.array(group.season_factor)[np.minimum(at, last)][minutes.of_row]
    if model.cancels.per_order:
        factor[4:] *= (events.at_risk @ _by_distance(model)).T
    return factor


def _by_distance(model: MarketModel) -> Array:
    """Share of cancels that happen, by bin of DISTANCE_EDGES."""
    shares = np.array(model.cancels.distance_factor or (1.0,))
    return shares[np.minimum(DISTANCE_EDGES, len(shares) - 1)]


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
