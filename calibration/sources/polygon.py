"""Polygon's flat files: quotes of the consolidated tape, and its trades, which say no side."""

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
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.parse import NO_COLUMNS, Layout, delimited_reader

_STAMPS = [("symbol", "ticker", 0), ("time", "sip_timestamp", 0)]
_QUOTE = [
    ("bid", "bid_price", 0),
    ("bid_size", "bid_size", 0),
    ("ask", "ask_price", 0),
    ("ask_size", "ask_size", 0),
]
_NIGHT_NS = 5 * 3600 * NS_PER_S  # UTC: midnight in New York, or an hour later


def plan(members: Sequence[Member], options: Options) -> Plan:
    """By the headers: quotes have a bid."""
    quotes, trades = [], []
    for member in members:
        names = set(columns_of(first_line(member)))
        if {"sip_timestamp", "bid_price", "ask_price"} <= names:
            quotes.append(member)
        elif {"sip_timestamp", "price", "size"} <= names:
            trades.append(member)
        else:
            raise DataError(
                member.place,
                line=1,
                reason="not_this_format",
                expected="the header of Polygon's quotes or trades",
                got=repr(first_line(member)[:80]),
                remedy="name the flat files",
            )
    require_files(quotes, "a file of quotes", members)
    return Plan(
        reader=partial(
            delimited_reader,
            strict=options.strict,
            trades=_trade_layout(trades, options.symbol),
            book=Layout("levels", [*_STAMPS, *_QUOTE], night=_NIGHT_NS, symbol=options.symbol),
            consolidated=True,
        ),
        inputs=(tuple(map(InputFile, trades)), tuple(map(InputFile, quotes))),
        venue=options.venue or "SIP",
        symbol=options.symbol or symbol_of_table(quotes[0], "ticker"),
        tick_size=options.tick_size or "0.01",
        lot_size=options.lot_size,
    )


def _trade_layout(trades: Sequence[Member], symbol: str) -> Layout:
    """A number is unique within an exchange and a facility; a facility says: on no exchange."""
    if not trades:
        return NO_COLUMNS
    names = columns_of(first_line(trades[0]))
    columns = [*_STAMPS, ("price", "price", 0), ("size", "size", 0), ("id", "id", 0)]
    columns += [("id", name, 0) for name in ("exchange", "trf_id") if name in names]
    if "trf_id" in names:
        columns.append(("facility", "trf_id", 0))
    return Layout("trades", columns, night=_NIGHT_NS, symbol=symbol)
