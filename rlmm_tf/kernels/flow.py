"""Passes over event tables for those who fit market models: model events, and Hawkes features.

What a row of the flow pass means stands in `csrc/parse/flow_pass.h`; in short: an event with what
it met in the book *before* it, and the book *after* it, which holds until the next row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.kernels.extension import _core
from rlmm_tf.kernels.parse import Columns

HIDDEN_TRADE = 6  # behind the model's groups (`market_parts.GROUPS`)
NO_EVENT = 255  # only the book changed
AGE_BINS = int(_core.AGE_BINS)
PLACES = ("improving", "joining", "deeper")


class FlowFlag(IntFlag):
    """Bits of a flow row's flags."""

    PARTIAL = 1  # cancel: a part of the order is left
    AGE_KNOWN = 2  # cancel: of an order that was seen to arrive
    AGENT = 4  # the resting order is an agent's


class LifeEnd(IntEnum):
    """How the life of an order ended."""

    CANCELLED = 0
    FILLED = 1
    OUT_OF_SIGHT = 2


@dataclass
class FlowPass:
    """The events of a market model in an event table, chunk by chunk."""

    cluster_ns: int = 100_000  # fills of one side closer than this are of one market order
    reach_ticks: int = 1024  # limit orders behind it are no events of the model
    order_lots: float = 0.0  # of an anonymous order; 0: each level is one
    distance_edges: Sequence[int] = (0,)  # lower edges of the bins of `at_risk`
    # Hazard of an order at risk: by place and bin of its age; none: 1.
    age_weights: NDArray[np.float64] | None = None
    anonymous_weight: float = 1.0  # of an order of unknown age
    _pass: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        weights = [] if self.age_weights is None else self.age_weights.ravel().tolist()
        self._pass = _core.FlowPass(
            cluster_ns=self.cluster_ns,
            reach_ticks=self.reach_ticks,
            order_lots=self.order_lots,
            distance_edges=list(self.distance_edges),
            age_weights=weights,
            anonymous_weight=self.anonymous_weight,
        )

    def run(self, columns: Columns) -> Columns:
        """Reads rows of an event table (by `ts_recv`); returns the flow rows that are complete."""
        names = ("kind", "side", "price_ticks", "qty_lots", "order_id", "flags")
        given = {name: np.ascontiguousarray(columns[name]) for name in names}
        self._pass.run(ts_ns=np.ascontiguousarray(columns["ts_recv"]), **given)
        taken: Columns = self._pass.take()
        return taken

    def finish(self) -> Columns:
        """There are no more rows: what was still waiting."""
        self._pass.finish()
        taken: Columns = self._pass.take()
        return taken

    def lives(self) -> Columns:
        """Orders that were seen to arrive and have ended since the last call."""
        taken: Columns = self._pass.take_lives()
        return taken

    @property
    def missing_lots(self) -> int:
        """Lots that were taken from where there were not so many."""
        return int(self._pass.missing_lots)


def age_bins(age_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bins of ages, eight to each doubling; as `FlowPass.age_weights` has them."""
    bins: NDArray[np.int64] = _core.age_bins(np.ascontiguousarray(age_ns))
    return bins


def hawkes_features(
    t_s: NDArray[np.float64],
    group: NDArray[np.uint8],
    decays_hz: Sequence[float],
    wanted: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Just before each wanted row: 1, then b sum exp(-b age), by decay, then group of the past."""
    features: NDArray[np.float64] = _core.hawkes_features(
        t_s, group, list(decays_hz), wanted.astype(np.uint8)
    )
    return features


def hawkes_exposures(
    t_s: NDArray[np.float64],
    group: NDArray[np.uint8],
    decays_hz: Sequence[float],
    factor: NDArray[np.float64],
    cell: NDArray[np.int32],
    cells: int,
) -> NDArray[np.float64]:
    """Integrals of factor x feature over time, [group][cell][feature].

    `factor` and `cell` are [group][row] and hold from their row to the next; a cell below 0 does
    not count.
    """
    sums: NDArray[np.float64] = _core.hawkes_exposures(
        t_s, group, list(decays_hz), factor, cell, cells
    )
    return sums


def hawkes_residuals(
    t_s: NDArray[np.float64],
    group: NDArray[np.uint8],
    decays_hz: Sequence[float],
    factor: NDArray[np.float64],
    of_baseline: NDArray[np.float64],
    cell: NDArray[np.int32],
    parameters: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Expected events of its group since its last one, before each event; elsewhere 0.

    `of_baseline`, [group][row], multiplies the baseline besides the factor; `parameters` is
    [group][feature]; other arguments as in `hawkes_exposures`.
    """
    residuals: NDArray[np.float64] = _core.hawkes_residuals(
        t_s, group, list(decays_hz), factor, of_baseline, cell, parameters
    )
    return residuals
