"""A book market's events, a chunk of simulated time after the other."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.env.engine import Recorder, engine_params
from rlmm_tf.events import (
    SYNTHETIC,
    EventMetadata,
    is_synthetic,
    positive_decimal,
    session_text,
)
from rlmm_tf.fields import HORIZON_NS_MAX, NS_PER_S
from rlmm_tf.params import EnvParams
from rlmm_tf.seeding import environment_keys

# Wherever the engine is stopped it rounds the clocks that it stops (to microseconds, after a
# while): so it is stopped each second, whatever the chunks.
GRID_NS = NS_PER_S
CHUNK_NS = 60 * NS_PER_S
START_NS_MAX = 2**62  # the year 2116, and room for the longest recording

_SYMBOL = re.compile(r"[A-Za-z0-9.-]+")  # part of file names that are split at _


@dataclass(frozen=True)
class Session:
    """What a simulated recording says that it is one of."""

    duration_ns: int
    start_ns: int = 0  # simulated time 0, ns UTC; the exchange's clock is UTC
    venue: str = "SIM"
    symbol: str = "SIM"
    tick_size: str = "0.01"  # decimal text
    lot_size: str = "1"  # decimal text

    def __post_init__(self) -> None:
        _require_between("duration_ns", self.duration_ns, 1, HORIZON_NS_MAX)
        _require_between("start_ns", self.start_ns, 0, START_NS_MAX)
        if not _SYMBOL.fullmatch(self.symbol):
            raise ValueError(
                f"symbol: expected letters, digits, dots and dashes, got {self.symbol!r}"
            )
        positive_decimal("tick_size", self.tick_size)
        positive_decimal("lot_size", self.lot_size)

    @property
    def vendor_symbol(self) -> str:
        """The symbol in files that look like a vendor's: it says that no exchange wrote them."""
        return self.symbol if is_synthetic(self.symbol) else f"{SYNTHETIC}-{self.symbol}"

    @property
    def end_ns(self) -> int:
        """When it ends, ns UTC."""
        return self.start_ns + self.duration_ns

    def metadata(self, generator: str) -> EventMetadata:
        """The metadata of its event table; `generator` is from `generator_hash`."""
        return EventMetadata(
            venue=self.venue,
            symbol=self.symbol,
            tick_size=self.tick_size,
            lot_size=self.lot_size,
            session=session_text(self.start_ns, self.end_ns),
            source=f"generator:{generator}",
        )


@dataclass(frozen=True)
class Chunk:
    """Events of a stretch of time, in order. Every array has one row per event."""

    first_seq: int  # number of the first event
    until_ns: int  # all events up to this simulated time are in this chunk or before it
    ts_ns: NDArray[np.int64]  # since simulated time 0
    kind: NDArray[np.uint8]
    side: NDArray[np.int8]
    price_ticks: NDArray[np.int64]
    qty_lots: NDArray[np.int64]
    order_id: NDArray[np.uint64]
    flags: NDArray[np.uint8]
    depth: NDArray[np.int64]
    """The book after each event: ask price, ask lots, bid price, bid lots of the best level, then
    of the next; 0 lots where there is none. With a snapshot's events: of the whole snapshot."""

    def __len__(self) -> int:
        return len(self.ts_ns)

    @property
    def seq(self) -> NDArray[np.uint64]:
        """Numbers of the events."""
        first = self.first_seq
        return np.arange(first, first + len(self), dtype=np.uint64)

    def depth_of(self, levels: int) -> NDArray[np.int64]:
        """The first levels of `depth`.

        Raises:
            ValueError: fewer were recorded.
        """
        if self.depth.shape[1] < 4 * levels:
            raise ValueError(
                f"levels: expected at most {self.depth.shape[1] // 4} (as recorded), got {levels}"
            )
        return self.depth[:, : 4 * levels]

    def columns(self, start_ns: int) -> dict[str, NDArray[Any]]:
        """The columns of the canonical event table."""
        ts = self.ts_ns + start_ns
        return {
            "ts_event": ts,
            "ts_recv": ts,
            "seq": self.seq,
            "kind": self.kind,
            "side": self.side,
            "price_ticks": self.price_ticks,
            "qty_lots": self.qty_lots,
            "order_id": self.order_id,
            "flags": self.flags,
        }


def record(
    params: EnvParams,
    *,
    seed: int,
    duration_ns: int,
    episode: int = 0,
    levels: int = 10,
    chunk_ns: int = CHUNK_NS,
) -> Iterator[Chunk]:
    """The events of a book market without an agent; no more than one chunk is in memory.

    The length of the chunks changes nothing else. The first chunk begins with a clear and the
    orders that are there at simulated time 0, as snapshot events.

    Args:
        params: a problem with a book market; only the market counts.
        seed: the market is that of environment 0 of a batch with this seed.
        duration_ns: how long, in simulated time.
        episode: which episode of that environment.
        levels: of the book after each event, 0 to 200.
        chunk_ns: how long a chunk is, in simulated time: a multiple of a second.
    """
    _require_between("duration_ns", duration_ns, 1, HORIZON_NS_MAX)
    _require_between("chunk_ns", chunk_ns, GRID_NS, HORIZON_NS_MAX)
    if chunk_ns % GRID_NS:
        raise ValueError(f"chunk_ns: expected a multiple of {GRID_NS}, got {chunk_ns}")
    recorder = Recorder(engine_params(params), environment_keys(seed, 1), episode, levels)

    def chunks() -> Iterator[Chunk]:
        until_ns = n_events = 0
        while until_ns < duration_ns:
            end_ns = min(until_ns + chunk_ns, duration_ns)
            parts = []
            while until_ns < end_ns:
                until_ns = min(until_ns + GRID_NS, end_ns)
                parts.append(recorder.run(until_ns))
            arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            chunk = Chunk(first_seq=n_events, until_ns=until_ns, **arrays)
            n_events += len(chunk)
            yield chunk

    return chunks()


def generator_hash(params: EnvParams, *, seed: int, duration_ns: int, episode: int = 0) -> str:
    """sha256 of all that decides which events `record` yields."""
    if not isinstance(params.market, BookMarketParams):
        raise ValueError(f"market.kind: expected book, got {params.market.kind}")
    given = {
        "market": params.market.model_dump(mode="json"),
        "seed": seed,
        "episode": episode,
        "duration_ns": duration_ns,
    }
    text = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _require_between(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}: expected from {low} to {high}, got {value}")
