"""A market as a comparison sees it: windows of messages, and what is known of longer stretches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.fidelity.fill_by_queue import VirtualOrders, virtual_orders
from calibration.fidelity.messages import (
    WINDOW_MESSAGES,
    FidelityError,
    Instrument,
    MessageKind,
    Messages,
    Windows,
    in_turn,
    joined,
    messages_of,
    windows_of,
)
from calibration.fidelity.segments import Segments
from calibration.split import Split
from rlmm_tf.events import EventTable

TRADES_LEAST = 20
BOTH_SIDES_LEAST = 0.5


@dataclass(frozen=True)
class Market:
    """Windows, and, of a recording that runs on, its stretches and what was filled in it."""

    name: str
    windows: Windows
    parts: Segments | None = None
    fills: VirtualOrders | None = None

    @classmethod
    def of_table(
        cls,
        name: str,
        table: EventTable,
        split: Split,
        instrument: Instrument,
        length: int = WINDOW_MESSAGES,
    ) -> Market:
        """Of the stretches of a table.

        Raises:
            FidelityError: it has too few messages or trades.
        """
        messages = messages_of(table, split, instrument)
        _require_a_market(name, messages)
        parts = Segments.of_stretches(messages)
        return cls(name, windows_of(messages, length), parts, virtual_orders(table, parts))

    @classmethod
    def of_windows(
        cls, name: str, parts: Iterable[Messages], length: int = WINDOW_MESSAGES
    ) -> Market:
        """Of windows that were made one by one; what takes longer stretches is not computed.

        `messages_of_rows` makes one of the rows of a recording that starts from a given book.
        """
        windows = joined(parts, length)
        _require_a_market(name, windows.messages)
        return cls(name, windows)


def together(markets: Sequence[Market]) -> Market:
    """Sessions of one market as stretches of one recording; the windows are the first one's."""
    first, parts = markets[0], [market.parts for market in markets if market.parts is not None]
    if len(markets) == 1 or len(parts) < len(markets):
        return first
    fills = [market.fills for market in markets if market.fills is not None]
    return replace(
        first,
        parts=Segments.of_stretches(in_turn([part.messages for part in parts])),
        fills=_all_fills(fills) if len(fills) == len(markets) else None,
    )


def _all_fills(fills: Sequence[VirtualOrders]) -> VirtualOrders:
    starts = np.cumsum([0, *(part.blocks for part in fills)])
    return VirtualOrders(
        ahead_lots=np.concatenate([part.ahead_lots for part in fills]),
        filled_s=np.concatenate([part.filled_s for part in fills]),
        block=np.concatenate(
            [part.block + start for part, start in zip(fills, starts[:-1], strict=True)]
        ),
        blocks=int(starts[-1]),
    )


def _require_a_market(name: str, messages: Messages) -> None:
    both = float(messages.both_sides.mean())
    if both < BOTH_SIDES_LEAST:
        raise FidelityError(
            f"{name}: expected a bid and an ask after most messages, got them after {both:.0%}; "
            "is it an auction, or a recording of one side?"
        )
    trades = int((messages.kind == MessageKind.EXECUTION).sum())
    if trades < TRADES_LEAST:
        raise FidelityError(
            f"{name}: expected {TRADES_LEAST} executions at least, got {trades} in "
            f"{len(messages)} messages; is it an auction, or a book without trades?"
        )
