"""Recordings as the engine plays them: read once, shared by all environments of a process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlmm_tf.env.engine import Tape, resting_fills_by_fields, share_ahead_by_fields
from rlmm_tf.events import EventTable
from rlmm_tf.params import EnvParams
from rlmm_tf.replay_params import QueueParams, ReplayMarketParams

# Measured (README, "Replay"): a start costs about as much for the events after a checkpoint as
# for the checkpoint, and the checkpoints take less room than the events.
CHECKPOINT_EVENTS = 4096

_Identity = tuple[str, int, int]
_tapes: WeakValueDictionary[_Identity, Tape] = WeakValueDictionary()


def make_tape(table: EventTable, *, checkpoint_events: int = CHECKPOINT_EVENTS) -> Tape:
    """The table as the engine plays it.

    Args:
        table: orders (L3) where any row has an order id, else levels (L2). Rows are played at the
            time of `ts_event`, in the order of the table.
        checkpoint_events: the book is written down so often; episodes start from there.

    Raises:
        ValueError: a row cannot be played; the message names it.
    """
    columns = {
        name: np.ascontiguousarray(table.column(name))
        for name in ("kind", "side", "price_ticks", "qty_lots", "order_id", "flags")
    }
    ts_ns = np.ascontiguousarray(table.column("ts_event"))
    return Tape(ts_ns=ts_ns, checkpoint_events=checkpoint_events, **columns)


def tape_of(market: ReplayMarketParams) -> Tape:
    """The recording of a replay market; one that is in use already is not read again.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no event table, not the one that is meant, or cannot be played.
    """
    path = Path(market.recording).resolve()
    try:
        about = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"market.recording: expected a file, got {market.recording}; make one with "
            "`rlmm ingest` or `rlmm simulate`"
        ) from None
    if not path.is_file():
        raise ValueError(
            f"market.recording: expected a file, got the folder {market.recording}; name the "
            "parquet file in it"
        )
    if market.sha256:
        _require_sha256(path, market.sha256)
    identity = (str(path), about.st_size, about.st_mtime_ns)
    tape = _tapes.get(identity)
    if tape is None:
        try:
            tape = make_tape(EventTable.read(path))
        except ValueError as error:
            raise ValueError(f"market.recording: {path}: {error}") from None
        _tapes[identity] = tape
    return tape


def recording_of(params: EnvParams) -> Tape | None:
    """The recording that the market needs; None where it needs none."""
    return tape_of(params.market) if isinstance(params.market, ReplayMarketParams) else None


@dataclass(frozen=True)
class RestingOrders:
    """Orders that rested in a recorded market, a column each; stamps are the exchange's, ns UTC."""

    start_ns: NDArray[np.int64]  # came to rest
    end_ns: NDArray[np.int64]  # was cancelled, or was watched until then
    side: NDArray[np.int8]  # 1 a bid, -1 an ask
    price_ticks: NDArray[np.int64]
    lots: NDArray[np.int64]


@dataclass(frozen=True)
class RestingFills:
    """Fills of resting orders, order by order, then by time."""

    order: NDArray[np.int64]  # index of the order
    ts_ns: NDArray[np.int64]
    lots: NDArray[np.int64]


def resting_fills(
    tape: Tape, queue: QueueParams, orders: RestingOrders
) -> tuple[RestingFills, NDArray[np.bool_]]:
    """When the replay would have filled each order, alone with the record, and which could rest.

    Raises:
        ValueError: an order is not within the recording; the message names it.
    """
    rested, order, ts_ns, lots = resting_fills_by_fields(
        tape, queue=queue.model_dump(), **vars(orders)
    )
    return RestingFills(order, ts_ns, lots), rested


def share_ahead(
    queue: QueueParams, ahead_lots: ArrayLike, behind_lots: ArrayLike
) -> NDArray[np.float64]:
    """The share of a cancelled lot that comes from the queue ahead, by the law of `queue`.

    What the engine computes at every cancel: a recording with order ids tells how many lots really
    did, and so which power or scale fits.
    """
    ahead = np.asarray(ahead_lots, dtype=np.float64)
    behind = np.asarray(behind_lots, dtype=np.float64)
    shares: NDArray[np.float64] = np.asarray(
        share_ahead_by_fields(queue.model_dump(), ahead, behind)
    )
    return shares


def _require_sha256(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != expected:
        raise ValueError(f"market.sha256: expected {expected}, got {got} of {path}")
