"""Bybit: book messages as JSON lines, trades as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from calibration.sources.compressed import Member
from calibration.sources.plan import (
    SIMULATOR,
    InputFile,
    Options,
    Plan,
    is_json,
    require_files,
    symbol_of_json,
    trade_layout,
)
from rlmm_tf.events import is_synthetic
from rlmm_tf.kernels.parse import depth_reader


def plan(members: Sequence[Member], options: Options) -> Plan:
    """JSON is the book, all else trades."""
    books = [member for member in members if is_json(member)]
    trades = [member for member in members if member not in books]
    require_files(books, "a file of Bybit's book messages (JSON lines)", members)
    symbol = options.symbol or symbol_of_json(books)
    layout = trade_layout(trades[0], options.symbol) if trades else None
    return Plan(
        reader=partial(
            depth_reader,
            strict=options.strict,
            vendor="bybit",
            symbol=options.symbol,
            trades=layout,
        ),
        inputs=(tuple(map(InputFile, trades)), tuple(map(InputFile, books))),
        venue=options.venue or (SIMULATOR if is_synthetic(symbol) else "BYBIT"),
        symbol=symbol,
        tick_size=options.tick_size,
        lot_size=options.lot_size,
    )
