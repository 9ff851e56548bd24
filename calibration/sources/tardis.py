"""Tardis: incremental_book_L2 and trades as CSV, microseconds, two clocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from calibration.sources.compressed import Member
from calibration.sources.plan import (
    InputFile,
    Options,
    Plan,
    columns_of,
    first_line,
    require_files,
    symbol_of_table,
)
from calibration.sources.problems import DataError
from rlmm_tf.kernels.parse import NO_COLUMNS, Layout, delimited_reader

_US = 3  # places of microseconds
_STAMPS = [("symbol", "symbol", 0), ("time", "timestamp", 0), ("received", "local_timestamp", 0)]
_LEVEL = [("side", "side", 0), ("price", "price", 0), ("size", "amount", 0)]


def plan(members: Sequence[Member], options: Options) -> Plan:
    """By the headers: only the book has `is_snapshot`."""
    books: list[Member] = []
    trades: list[Member] = []
    for member in members:
        names = columns_of(first_line(member))
        if not {"timestamp", "local_timestamp", "price", "amount"} <= set(names):
            raise DataError(
                member.place,
                line=1,
                reason="not_this_format",
                expected="the header of incremental_book_L2 or trades",
                got=repr(",".join(names)[:80]),
                remedy="name the data set's files",
            )
        (books if "is_snapshot" in names else trades).append(member)
    require_files(books, "a file of incremental_book_L2", members)
    book = Layout(
        kind="changes",
        columns=[*_STAMPS, *_LEVEL, ("snapshot", "is_snapshot", 0)],
        time_places=_US,
        symbol=options.symbol,
        bid_words=("bid",),
        ask_words=("ask",),
    )
    of_trades = Layout(
        kind="trades",
        columns=[*_STAMPS, *_LEVEL, ("id", "id", 0)],
        time_places=_US,
        symbol=options.symbol,
        bid_words=("sell",),
        ask_words=("buy",),
    )
    return Plan(
        reader=partial(
            delimited_reader,
            strict=options.strict,
            trades=of_trades if trades else NO_COLUMNS,
            book=book,
        ),
        inputs=(tuple(map(InputFile, trades)), tuple(map(InputFile, books))),
        venue=options.venue or "TARDIS",
        symbol=options.symbol or symbol_of_table(books[0], "symbol"),
        tick_size=options.tick_size,
        lot_size=options.lot_size,
    )
