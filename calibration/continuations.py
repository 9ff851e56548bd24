"""Simulations of a model that go on from the books and the past of a recording.

The same for fitting (does the price go on as it did?) and for judging (do the next messages look
like those that came?).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.flow_events import FlowEvents
from calibration.hidden_price import draw_gaps
from calibration.openings import openings_at
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.fields import HORIZON_NS_MAX
from rlmm_tf.kernels.parse import Columns
from rlmm_tf.market_model import MarketModel
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import Chunk, Opening, record_windows
from rlmm_tf.seeding import seed_sequence

_OPENINGS, _GAPS, _WINDOWS = range(3)  # what a seed is spent on


@dataclass(frozen=True)
class Starts:
    """Books and pasts of one table, taken once and simulated from as often as wanted."""

    table: int  # of the flow
    times_ns: NDArray[np.int64]
    openings: tuple[Opening, ...]

    @classmethod
    def of(
        cls,
        chunks: Sequence[Columns],
        flow: FlowEvents,
        times_ns: NDArray[np.int64],
        model: MarketModel,
        *,
        season_origin_s: int,
        seed: int,
        table: int = 0,
    ) -> Starts:
        """At these times; see `openings_at`."""
        generator = np.random.Generator(np.random.Philox(seed_sequence(seed, _OPENINGS, table)))
        openings = openings_at(
            chunks,
            flow,
            times_ns,
            model,
            generator,
            season_origin_s=season_origin_s,
            table=table,
        )
        return cls(table, times_ns, tuple(openings))


def continued(
    starts: Sequence[Starts],
    flow: FlowEvents,
    model: MarketModel,
    *,
    seed: int,
    messages: int | None = None,
    duration_ns: int = HORIZON_NS_MAX,
    levels: int = 1,
    filtered: bool = True,
) -> list[Chunk]:
    """A window from each start, in order; it ends after `messages` or `duration_ns`.

    The hidden price begins where the events before leave it possible, or, not `filtered`, at the
    mid: that is quicker, and forgotten after a while. Two models draw the same random numbers
    (common random numbers).
    """
    openings: list[Opening] = []
    for start in starts:
        generator = np.random.Generator(np.random.Philox(seed_sequence(seed, _GAPS, start.table)))
        gaps = np.zeros(len(start.openings))
        if filtered:
            gaps = draw_gaps(flow, start.times_ns, model.informed, generator, table=start.table)
        openings += [
            replace(opening, gap_ticks=float(gap))
            for opening, gap in zip(start.openings, gaps, strict=True)
        ]
    highest = max(int(opening.price_ticks.max()) for opening in openings)
    market = BookMarketParams(model=model, mid_initial_ticks=max(highest, _room(model)))
    return record_windows(
        EnvParams(market=market),
        openings,
        seed=int(seed_sequence(seed, _WINDOWS).generate_state(1)[0]),
        messages=HORIZON_NS_MAX if messages is None else messages,
        duration_ns=duration_ns,
        levels=levels,
    )


def _room(model: MarketModel) -> int:
    """What `BookMarketParams` asks of the mid at least; windows start elsewhere anyway."""
    return 4 * model.depth_ticks + model.typical.spread_ticks + 1
