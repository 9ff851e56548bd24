"""The second stage of calibration: what can only be seen by what simulations do.

The model goes on from books of the recording, again and again with other parameters of the hidden
price, until its prices and trades move as the recorded ones did (`estimators.informed_flow`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calibration.continuations import Starts, continued
from calibration.estimators.informed_flow import InformedFlowFit, fit_informed_flow
from calibration.flow_events import FlowEvents
from calibration.price_path import PricePath, recorded_paths, simulated_path
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.parse import Columns
from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import InformedFlowParams

BLOCK_S = 600.0
BLOCK_SHORT_S = 60.0  # of recordings of less than an hour
BURN_S = 60.0  # from the recorded book to one that the model would have
EVENTS_WANTED = 400_000  # that a simulation has, all windows together
WINDOWS_LEAST, WINDOWS_MOST = 20, 200


def fit_hidden_price(
    model: MarketModel,
    flow: FlowEvents,
    tables: Sequence[Sequence[Columns]],
    *,
    season_origin_s: int,
    seed: int,
) -> InformedFlowFit:
    """The informed flow under which the model's prices move as those of the recording.

    Args:
        model: without informed flow.
        flow: the recording's events.
        tables: the rows behind them, piece by piece.
        season_origin_s: time of day (UTC) at which the model's season begins.
        seed: names every random number.
    """
    seconds = float(flow.seconds.sum())
    block_s = BLOCK_S if seconds >= 6.0 * BLOCK_S else BLOCK_SHORT_S
    recorded = recorded_paths(flow, block_s)
    rate_hz = float(flow.counted.sum()) / max(seconds, 1.0)
    wanted = EVENTS_WANTED / max(rate_hz * (block_s + BURN_S), 1.0)
    times_ns = _start_times(recorded, int(np.clip(wanted, WINDOWS_LEAST, WINDOWS_MOST)))
    starts = [
        Starts.of(
            tables[table],
            flow,
            times,
            model,
            season_origin_s=season_origin_s,
            seed=seed,
            table=table,
        )
        for table, times in times_ns.items()
    ]
    burn_ns = int(BURN_S * NS_PER_S)

    def simulate(informed: InformedFlowParams) -> list[PricePath]:
        windows = continued(
            starts,
            flow,
            model.model_copy(update={"informed": informed}),
            seed=seed,
            duration_ns=burn_ns + int(block_s * NS_PER_S),
            filtered=False,  # the burn-in forgets where it began
        )
        return [simulated_path(window, burn_ns) for window in windows]

    open_s = flow.seconds
    spread = float(np.average(np.maximum(flow.spread_ticks, 1), weights=open_s))
    return fit_informed_flow(recorded, simulate, gap_scale_ticks=spread)


def with_informed_flow(model: MarketModel, fit: InformedFlowFit) -> MarketModel:
    """The model with the flow that was found."""
    return MarketModel.model_validate({**model.model_dump(), "informed": fit.params.model_dump()})


def _start_times(recorded: Sequence[PricePath], wanted: int) -> dict[int, NDArray[np.int64]]:
    """By table, spread evenly over the time of all blocks."""
    if not recorded:
        return {}
    lengths = np.array([path.end_ns - path.start_ns for path in recorded], np.float64)
    ends = np.cumsum(lengths)
    at = (np.arange(wanted) + 0.5) / wanted * ends[-1]
    block = np.searchsorted(ends, at)
    into = (at - (ends[block] - lengths[block])).astype(np.int64)
    times = np.array([path.start_ns for path in recorded], np.int64)[block] + into
    table = np.array([path.table for path in recorded])[block]
    return {int(each): times[table == each] for each in np.unique(table)}
