"""Event tables of simulated markets, for tests."""

from __future__ import annotations

from functools import cache

import numpy as np

from rlmm_tf.events import ARROW_SCHEMA, EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.presets import resolve_params
from rlmm_tf.recording import Chunk, Opening, Session, record


@cache
def recorded(preset: str, seconds: int, seed: int = 4, levels: int = 10) -> Chunk:
    """One recording of a preset's market, whole."""
    duration_ns = seconds * NS_PER_S
    (chunk,) = record(
        resolve_params(preset), seed=seed, duration_ns=duration_ns, levels=levels,
        chunk_ns=-(-duration_ns // NS_PER_S) * NS_PER_S,
    )  # fmt: skip
    return chunk


@cache
def table(preset: str, seconds: int, seed: int = 4) -> EventTable:
    """The same as a canonical event table that starts at time 0."""
    rows = recorded(preset, seconds, seed).columns(0)
    columns = {name: np.ascontiguousarray(rows[name]) for name in ARROW_SCHEMA.names}
    return EventTable.from_columns(columns, Session(seconds * NS_PER_S).metadata("0" * 64))


def thin_opening() -> Opening:
    """A bid and an ask 12 ticks apart, and no past."""
    return Opening(
        side=np.array([1, -1], np.int8),
        price_ticks=np.array([99_994, 100_006]),
        qty_lots=np.array([100, 100]),
        flickering=np.array([False, False]),
        past=np.zeros((0, 6), np.float32),
    )
