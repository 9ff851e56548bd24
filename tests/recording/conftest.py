"""Recorded book markets, and the level-2 and level-3 books that the tests replay them into."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.recording import Chunk, Session, record

NS = 1_000_000_000
START_NS = 1_340_271_000 * NS  # 2012-06-21 09:30 UTC
LEVELS = 200  # more than the flow keeps: the rows show the whole book
COLUMNS = ("ts_ns", "kind", "side", "price_ticks", "qty_lots", "order_id", "flags", "depth")
Levels = list[tuple[int, int]]  # ticks, lots, the best first


@dataclass(frozen=True)
class Recorded:
    """A recording in memory."""

    params: EnvParams
    session: Session
    seed: int
    chunks: list[Chunk]

    def joined(self, name: str) -> NDArray[Any]:
        return np.concatenate([getattr(chunk, name) for chunk in self.chunks])

    def levels(self, row: int, side: int, count: int = LEVELS) -> Levels:
        """What the recorded row says."""
        first = self.chunks[0].first_seq
        for chunk in self.chunks:
            if row < chunk.first_seq - first + len(chunk):
                depth = chunk.depth[row - chunk.first_seq + first].reshape(-1, 4)
                pairs = depth[:count, 2:] if side > 0 else depth[:count, :2]
                return [(int(p), int(n)) for p, n in pairs if n > 0]
        raise IndexError(row)


@dataclass
class OrderBook:
    """Orders by id, in the order in which they came."""

    orders: dict[int, list[int]] = field(default_factory=dict)  # side, ticks, lots

    def levels(self, side: int) -> Levels:
        lots: dict[int, int] = defaultdict(int)
        for its_side, price, size in self.orders.values():
            if its_side == side:
                lots[price] += size
        return sorted(lots.items(), reverse=side > 0)


def record_all(
    name: str, seconds: float, chunk_s: float = 5.0, seed: int = 7, **market: Any
) -> Recorded:
    params = resolve_params(name, {"market": market})
    session = Session(duration_ns=round(seconds * NS), start_ns=START_NS, symbol="TEST")
    chunks = record(
        params,
        seed=seed,
        duration_ns=session.duration_ns,
        levels=LEVELS,
        chunk_ns=round(chunk_s * NS),
    )
    return Recorded(params, session, seed, list(chunks))


@pytest.fixture(scope="session", params=[("book-small-tick", 400.0), ("book-large-tick", 30.0)])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return record_all(*request.param)


@pytest.fixture(scope="session")
def make_recorded() -> Any:
    return record_all


@pytest.fixture
def order_book() -> OrderBook:
    return OrderBook()
