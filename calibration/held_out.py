"""A calibrated market on time that it was not fitted to: how well it explains what came then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibration.estimate import Estimate
from calibration.estimators.cancel_classes import CancelClasses
from calibration.fit import Settings, flow_of
from calibration.flow_events import Source
from calibration.goodness import Goodness, goodness_of
from calibration.split import Split
from rlmm_tf.market_model import MarketModel


def held_out_goodness(
    model: MarketModel, section: Mapping[str, Any], source: Source, scored: Split
) -> Goodness:
    """Of a market that an artifact holds.

    Args:
        model: the market.
        section: what the artifact says of its calibration (`calibration_of`).
        source: a recording.
        scored: its stretches that count.
    """
    settings = Settings(cluster_ns=section["settings"]["cluster_ns"])
    events = flow_of(
        [source],
        lambda ts_ns: scored,
        settings,
        _classes(section["estimates"]),
        model.cancels.company_factor,
    )
    return goodness_of(model, events)


def _classes(estimates: Mapping[str, Any]) -> CancelClasses | None:
    names = ("cancels.flickering_hz", "cancels.patient_hz", "flickering_share")
    if any(name not in estimates for name in names):
        return None
    flickering, patient, share = (estimates[name]["value"] for name in names)
    return CancelClasses(
        flickering_hz=Estimate.fixed(flickering),
        patient_hz=Estimate.fixed(patient),
        flickering_share=Estimate.fixed(tuple(share)),
        log_likelihood=0.0,
        converged=True,
    )
