"""The state bootstrap: recorded events in states like their own, in a sound book."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.flow_events import N_GROUPS, read_flow
from calibration.split import Split
from calibration.state_bootstrap import StateBootstrap
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.parse import BookPass
from rlmm_tf.recording import Chunk, Opening
from tests.calibration.simulated_tables import table


def bootstrap() -> StateBootstrap:
    return StateBootstrap.of(read_flow([table("book-large-tick", 300)]))


def window(messages: int = 2000, seed: int = 1) -> Chunk:
    prices = np.concatenate([np.arange(99_990, 100_000), np.arange(100_001, 100_011)])
    opening = Opening(
        side=np.repeat([1, -1], 10).astype(np.int8),
        price_ticks=prices,
        qty_lots=np.full(20, 10),
        flickering=np.zeros(20, np.bool_),
        past=np.zeros((0, N_GROUPS), np.float32),
    )
    return bootstrap().window(opening, 5, np.random.default_rng(seed), messages=messages)


def test_rows_describe_the_book_that_stands_beside_them() -> None:
    chunk = window()
    columns = chunk.columns(0)
    depth = BookPass(5).depth(columns)
    opened = int((chunk.kind >= EventKind.SNAPSHOT).sum())
    np.testing.assert_array_equal(depth[opened:], chunk.depth[opened:])
    assert len(chunk) == opened + 2000
    both = (chunk.depth[opened:, 1] > 0) & (chunk.depth[opened:, 3] > 0)
    assert both.all()
    assert (chunk.depth[opened:, 0] > chunk.depth[opened:, 2]).all()


def test_events_come_as_often_as_recorded() -> None:
    flow = read_flow([table("book-large-tick", 300)])
    chunk = window(4000)
    real = flow.counted.sum() / flow.seconds.sum()
    simulated = 4000 / (chunk.until_ns / NS_PER_S)
    assert 0.6 < simulated / real < 1.6
    kinds = flow.group[flow.counted & (flow.group < N_GROUPS)] // 2
    whole = (chunk.kind < EventKind.SNAPSHOT) & ((chunk.flags & EventFlag.MORE_FILLS) == 0)
    for kind, number in ((EventKind.TRADE, 0), (EventKind.ADD, 1), (EventKind.CANCEL, 2)):
        assert abs((chunk.kind[whole] == kind).mean() - (kinds == number).mean()) < 0.08


def test_the_same_draws_give_the_same_window() -> None:
    a, b, c = window(200, 1), window(200, 1), window(200, 2)
    np.testing.assert_array_equal(a.depth, b.depth)
    assert not np.array_equal(a.ts_ns, c.ts_ns)


def test_too_few_events_are_refused() -> None:
    few = read_flow([table("book-large-tick", 300)], lambda ts: Split(((0, NS_PER_S // 10),)))
    with pytest.raises(ValueError, match="expected 20 events"):
        StateBootstrap.of(few)
