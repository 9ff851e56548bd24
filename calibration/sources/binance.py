"""Binance: depth changes and snapshots as JSON, trades as JSON or CSV, spot and futures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from calibration.sources.compressed import Member, head_of
from calibration.sources.plan import (
    InputFile,
    Options,
    Plan,
    is_json,
    require_files,
    symbol_of_json,
    trade_layout,
)
from rlmm_tf.kernels.parse import depth_reader

# Of files without a header: aggTrades and trades, as the archive has them.
_AGG_TRADES = ("agg_trade_id", "price", "quantity", "first", "last", "transact_time", "m")
_TRADES = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker")


def plan(members: Sequence[Member], options: Options) -> Plan:
    """Snapshots first among the book's files: changes are held back until theirs has come."""
    texts = [member for member in members if is_json(member)]
    tables = [member for member in members if member not in texts]
    of_trades = [member for member in texts if _is_trades(member)]
    books = [member for member in texts if member not in of_trades]
    require_files(books, "a file of Binance's depth changes (JSON lines)", members)
    if of_trades and tables:
        require_files([], "trades as JSON or as CSV, not both", [*of_trades, *tables])
    books.sort(key=lambda member: not _is_snapshot(member))
    layout = None
    if tables:
        fields = head_of(tables[0]).split(b"\n", 1)[0].count(b",") + 1
        bare = _AGG_TRADES if fields >= len(_AGG_TRADES) else _TRADES
        layout = trade_layout(tables[0], "", bare=bare)
    return Plan(
        reader=partial(
            depth_reader,
            strict=options.strict,
            vendor="binance",
            symbol=options.symbol,
            trades=layout,
        ),
        inputs=(tuple(map(InputFile, tables or of_trades)), tuple(map(InputFile, books))),
        venue=options.venue or "BINANCE",
        symbol=options.symbol or symbol_of_json(books),
        tick_size=options.tick_size,
        lot_size=options.lot_size,
    )


def _is_snapshot(member: Member) -> bool:
    line = head_of(member).lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0]
    return b'"lastUpdateId"' in line[:400]


def _is_trades(member: Member) -> bool:
    line = head_of(member, 4096).split(b"\n", 1)[0]
    return any(word in line for word in (b'"aggTrade"', b'"trade"'))
