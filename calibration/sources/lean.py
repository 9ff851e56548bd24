"""Lean's ticks of US equities: best bid and offer of the consolidated tape, and its trades.

The date stands in the name of the archive's member, `20131007_bac_Quote_Tick.csv`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from calibration.sources.compressed import Member
from calibration.sources.plan import (
    NEW_YORK,
    InputFile,
    Options,
    Plan,
    clock_base_ns,
    day_of,
    require_files,
)
from calibration.sources.problems import DataError
from rlmm_tf.book_params import DAY_NS
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.parse import NO_COLUMNS, Layout, delimited_reader

_NAME = re.compile(r"(?P<date>\d{8})_(?P<symbol>[^_]+)_(?P<kind>quote|trade)(_tick)?\.csv", re.I)
_MS = 6  # places of milliseconds
OPEN_NS, CLOSE_NS = 34_200 * NS_PER_S, 57_600 * NS_PER_S

_QUOTE = [
    ("time", "", 0),
    ("bid", "", 1),
    ("bid_size", "", 2),
    ("ask", "", 3),
    ("ask_size", "", 4),
    ("suspicious", "", 7),
]
_TRADE = [
    ("time", "", 0),
    ("price", "", 1),
    ("size", "", 2),
    ("facility", "", 3),
    ("suspicious", "", 5),
]
_OFF_EXCHANGE = ("D",)  # FINRA's facilities, to which dealers and dark pools report


def plan(members: Sequence[Member], options: Options) -> Plan:
    """Quotes and trades by the names of the files, in order of their dates."""
    zone = options.zone or NEW_YORK
    files: dict[str, list[tuple[str, InputFile]]] = {"quote": [], "trade": []}
    symbols = set()
    for member in members:
        match = _NAME.fullmatch(member.name)
        if match is None:
            raise DataError(
                member.place,
                reason="file_name",
                expected="a name like 20131007_bac_Quote_Tick.csv",
                got=repr(member.name),
                remedy="give the file the name that Lean gave it: the date is nowhere else",
            )
        if options.symbol and match["symbol"].lower() != options.symbol.lower():
            continue
        symbols.add(match["symbol"].upper())
        base = clock_base_ns(day_of(match["date"], member.place), zone)
        files[match["kind"].lower()].append((match["date"], InputFile(member, base)))
    quotes, trades = (_by_date(files[kind]) for kind in ("quote", "trade"))
    what = "a file of quotes" + (f" of {options.symbol}" if options.symbol else "")
    require_files([file.member for file in quotes], what, members)
    night_ns = quotes[0].time_base_ns % DAY_NS
    if len(symbols) > 1:
        raise DataError(
            "FILE",
            reason="mixed_symbols",
            expected="files of one ticker",
            got=", ".join(sorted(symbols)),
            remedy="name one with --symbol",
        )
    return Plan(
        reader=partial(
            delimited_reader,
            strict=options.strict,
            trades=_layout("trades", _TRADE, options, night_ns) if trades else NO_COLUMNS,
            book=_layout("levels", _QUOTE, options, night_ns),
            consolidated=True,
        ),
        inputs=(trades, quotes),
        venue=options.venue or "SIP",
        symbol=next(iter(symbols)),
        price_places=0,
        size_places=0,
        price_scale=4,
        tick_size=options.tick_size or "0.01",
        lot_size=options.lot_size,
    )


def _by_date(files: list[tuple[str, InputFile]]) -> tuple[InputFile, ...]:
    return tuple(file for _, file in sorted(files, key=lambda dated: dated[0]))


def _layout(
    kind: str, columns: list[tuple[str, str, int]], options: Options, night_ns: int
) -> Layout:
    hours = (0, 0) if options.all_hours else (OPEN_NS, CLOSE_NS)
    return Layout(
        kind="levels" if kind == "levels" else "trades",
        columns=columns,
        header="none",
        time_places=_MS,
        hours_from=hours[0],
        hours_until=hours[1],
        night=night_ns,
        off_exchange_words=_OFF_EXCHANGE,
        one_sided=kind == "levels",
    )
