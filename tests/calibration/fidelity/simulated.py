"""Simulated tables for tests, of a preset's market."""

from __future__ import annotations

from functools import cache

import numpy as np

from calibration.fidelity.market import Market
from calibration.fidelity.messages import Instrument, instrument_of
from calibration.split import Split
from rlmm_tf.events import EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.presets import preset
from rlmm_tf.recording import Session, record

MINUTES = 160
START_NS = 1_340_285_400 * NS_PER_S  # 2012-06-21T13:30:00Z


@cache
def simulated_table(name: str = "book-small-tick", seed: int = 1) -> EventTable:
    session = Session(MINUTES * 60 * NS_PER_S, START_NS)
    chunks = [
        chunk.columns(START_NS)
        for chunk in record(preset(name), seed=seed, duration_ns=session.duration_ns)
    ]
    columns = {part: np.concatenate([chunk[part] for chunk in chunks]) for part in chunks[0]}
    return EventTable.from_columns(columns, session.metadata("0" * 64))


def instrument() -> Instrument:
    return instrument_of(simulated_table(), 5)


@cache
def simulated_market(seed: int = 1) -> Market:
    table = simulated_table(seed=seed)
    whole = Split.of_rows(None, None, table.column("ts_recv"))
    return Market.of_table(f"seed {seed}", table, whole, instrument())
