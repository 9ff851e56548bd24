"""Short recordings of a book market, each going on from a given book and past.

A simulator is compared with a recorded day window by window: each starts from the book that was
there, excited by what had happened before, at that time of day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env.engine import engine_params, record_windows_from_arrays
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import HORIZON_NS_MAX
from rlmm_tf.market_parts import GROUPS
from rlmm_tf.params import EnvParams
from rlmm_tf.recording.stream import Chunk
from rlmm_tf.seeding import environment_keys

DECAYS_MOST = 7  # the engine's clocks less that of the baseline


@dataclass(frozen=True)
class Opening:
    """Where a window starts: a book, and what lies behind it.

    Arrays have one value per resting order; those of one price stand in order of priority.
    """

    side: NDArray[np.int8]  # +1 bid, -1 ask
    price_ticks: NDArray[np.int64]
    qty_lots: NDArray[np.int64]
    flickering: NDArray[np.bool_]
    past: NDArray[np.float32]
    """[decay of the model][group]: the sum of exp(-decay x age) over past events."""
    season_ns: int = 0  # time of day
    regime: int | None = None  # None: drawn
    gap_ticks: float = 0.0  # of the hidden efficient price over the mid


def record_windows(
    params: EnvParams,
    openings: Sequence[Opening],
    *,
    seed: int,
    messages: int,
    duration_ns: int = HORIZON_NS_MAX,
    levels: int = 10,
) -> list[Chunk]:
    """One recording per opening, at time 0 and on until there are `messages`.

    Each begins with a clear and the orders that are there, as snapshot events. Messages are all
    other rows but those of levels that come into reach or leave it; whichever comes first,
    `messages` or `duration_ns`, ends a window. Window i draws what environment i of a batch with
    this seed draws, whatever the model: two models can be compared with common random numbers.

    Raises:
        ValueError: a market that is no book market or has shocks, or an opening that no book can
            hold; the message names the window.
    """
    if not openings:
        raise ValueError("openings: expected at least one, got none")
    for i, opening in enumerate(openings):
        if not np.isin(opening.side, (-1, 1)).all():
            raise ValueError(
                f"openings[{i}].side: expected +1 (bid) or -1 (ask), got {opening.side}"
            )
    counts = [len(opening.side) for opening in openings]
    arrays = {
        "first_order": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "season_ns": np.array([opening.season_ns for opening in openings], np.int64),
        "regime": np.array(
            [-1 if opening.regime is None else opening.regime for opening in openings], np.int64
        ),
        "gap_ticks": np.array([opening.gap_ticks for opening in openings], np.float64),
        "past": np.stack([_padded(opening.past, i) for i, opening in enumerate(openings)]),
        "side": np.concatenate([o.side for o in openings]).astype(np.int8),
        "price_ticks": np.concatenate([o.price_ticks for o in openings]).astype(np.int64),
        "qty_lots": np.concatenate([o.qty_lots for o in openings]).astype(np.int64),
        "flickering": np.concatenate([o.flickering for o in openings]).astype(np.uint8),
    }
    keys = environment_keys(seed, len(openings))
    rows = record_windows_from_arrays(
        engine_params(params), keys, arrays, messages, duration_ns, levels
    )
    edges = rows.pop("first_row")
    return [
        _window({name: column[a:b] for name, column in rows.items()}, messages, duration_ns)
        for a, b in pairwise(edges)
    ]


def _padded(past: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    decays = len(past)
    if decays > DECAYS_MOST or past.shape != (decays, len(GROUPS)):
        raise ValueError(
            f"openings[{window}].past: expected at most {DECAYS_MOST} rows of {len(GROUPS)} "
            f"values, got the shape {past.shape}"
        )
    padded = np.zeros((DECAYS_MOST, len(GROUPS)), np.float32)
    padded[:decays] = past
    return padded


def _window(rows: dict[str, NDArray[Any]], messages: int, duration_ns: int) -> Chunk:
    """Cut after the last message that was asked for."""
    opens = np.isin(rows["kind"], (EventKind.CLEAR, EventKind.SNAPSHOT))
    counted = np.cumsum(~opens & ((rows["flags"] & EventFlag.REACH) == 0))
    if counted[-1] < messages:
        return Chunk(first_seq=0, until_ns=duration_ns, **rows)
    end = int(np.searchsorted(counted, messages)) + 1
    until_ns = int(rows["ts_ns"][end - 1])
    return Chunk(first_seq=0, until_ns=until_ns, **{name: a[:end] for name, a in rows.items()})
