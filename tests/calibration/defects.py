"""Catalogued defects: for each format a sound recording, and what can be wrong with it.

Most cases come from a table of values that each kind of field must refuse; what they damage is one
line of one file, and there it must be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Files = Mapping[str, str]

NO_NUMBER = ("", "x", "NaN", "inf", "1,5 ", " 1", "1e", "0x10", "--1", "1.2.3", "None")
NO_PRICE = (*NO_NUMBER, "-1", "0", "99999999999999999999", "0.0000000001", "1e40")
NO_SIZE = (*NO_NUMBER, "-1", "99999999999999999999", "0.0000000001", "-0.5")
NO_TIME = (*NO_NUMBER, "-5", "99999999999999999999")
NO_WORD = ("", "x", "BUY!", "0.5", "bid ", "None")
REFUSALS = {"price": NO_PRICE, "size": NO_SIZE, "time": NO_TIME, "word": NO_WORD}


@dataclass(frozen=True)
class Format:
    """A sound recording; which fields of which line are of which kind."""

    name: str
    files: Files
    fields: tuple[tuple[str, int, int, str], ...] = ()  # file, line from 1, column from 0, kind
    options: Mapping[str, Any] = field(default_factory=dict)

    def cases(self) -> Iterator[tuple[str, dict[str, str], str, int]]:
        """A case's name, its files, the damaged file and line."""
        for name, line, column, kind in self.fields:
            for value in REFUSALS[kind]:
                rows = self.files[name].splitlines()
                cells = rows[line - 1].split(",")
                cells[column] = f'"{value}"' if "," in value else value
                rows[line - 1] = ",".join(cells)
                text = "\n".join(rows) + "\n"
                yield f"{name}-{line}-{column}-{value!r}", {**self.files, name: text}, name, line
        for name, text in self.files.items():
            rows = text.splitlines()
            last = len(rows)
            broken = {
                "cut off": ",".join(rows[-1].split(",")[:-1])[:-1],
                "too many fields": rows[-1] + ",1,2,3",
                "quote open": '"' + rows[-1],
                "binary": "\x00\x01\x02",
            }
            for what, row in broken.items():
                changed = "\n".join([*rows[:-1], row]) + "\n"
                yield f"{name}-{what}", {**self.files, name: changed}, name, last


LOBSTER = Format(
    "lobster",
    {
        "X_2012-06-21_34200000_57600000_message_1.csv": "34200.1,1,7,10,1000000,1\n"
        "34200.2,1,8,10,1000300,-1\n34200.3,4,7,5,1000000,1\n34200.4,2,8,5,1000300,-1\n",
        "X_2012-06-21_34200000_57600000_orderbook_1.csv": "9999999999,0,1000000,10\n"
        "1000300,10,1000000,10\n1000300,10,1000000,5\n1000300,5,1000000,5\n",
    },
    (
        ("X_2012-06-21_34200000_57600000_message_1.csv", 2, 0, "time"),
        ("X_2012-06-21_34200000_57600000_message_1.csv", 2, 1, "word"),
        ("X_2012-06-21_34200000_57600000_message_1.csv", 2, 3, "size"),
        ("X_2012-06-21_34200000_57600000_message_1.csv", 2, 4, "price"),
        ("X_2012-06-21_34200000_57600000_message_1.csv", 2, 5, "word"),
        ("X_2012-06-21_34200000_57600000_orderbook_1.csv", 3, 0, "price"),
        ("X_2012-06-21_34200000_57600000_orderbook_1.csv", 3, 1, "size"),
    ),
    {"zone": "UTC"},
)

_TRADES = (
    "timestamp,symbol,side,size,price\n1700000000.5,X,Buy,1,10.3\n1700000000.6,X,Sell,1,10.1\n"
)
_TRADE_FIELDS = (
    ("trades.csv", 2, 0, "time"),
    ("trades.csv", 2, 2, "word"),
    ("trades.csv", 2, 3, "size"),
    ("trades.csv", 2, 4, "price"),
)


def _bybit(kind: str, u: int, ts: int, bids: str, asks: str) -> str:
    return (
        f'{{"type":"{kind}","ts":{ts},"data":{{"s":"X","b":[{bids}],"a":[{asks}],"u":{u}}},'
        f'"cts":{ts}}}\n'
    )


BYBIT = Format(
    "bybit",
    {
        "book.jsonl": _bybit("snapshot", 1, 1700000000000, '["10.1","5"]', '["10.3","4"]')
        + _bybit("delta", 2, 1700000001000, '["10.2","1"]', ""),
        "trades.csv": _TRADES,
    },
    _TRADE_FIELDS,
)

BINANCE = Format(
    "binance",
    {
        "book.jsonl": '{"lastUpdateId":5,"bids":[["10.1","5"]],"asks":[["10.3","4"]]}\n'
        '{"e":"depthUpdate","E":1700000000000,"s":"X","U":6,"u":7,"b":[["10.2","1"]],"a":[]}\n'
        '{"e":"depthUpdate","E":1700000001000,"s":"X","U":8,"u":9,"b":[["10.2","0"]],"a":[]}\n',
        "trades.csv": _TRADES,
    },
    _TRADE_FIELDS,
)

TARDIS = Format(
    "tardis",
    {
        "book.csv": "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
        "x,X,1700000000000000,1700000000000100,true,bid,10.1,5\n"
        "x,X,1700000000000000,1700000000000100,true,ask,10.3,4\n"
        "x,X,1700000001000000,1700000001000100,false,bid,10.2,1\n",
        "trades.csv": "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
        "x,X,1700000000500000,1700000000500100,7,buy,10.3,1\n",
    },
    (
        ("book.csv", 4, 2, "time"),
        ("book.csv", 4, 3, "time"),
        ("book.csv", 4, 4, "word"),
        ("book.csv", 4, 5, "word"),
        ("book.csv", 4, 6, "price"),
        ("book.csv", 4, 7, "size"),
        ("trades.csv", 2, 2, "time"),
        ("trades.csv", 2, 5, "word"),
        ("trades.csv", 2, 6, "price"),
        ("trades.csv", 2, 7, "size"),
    ),
)

DATABENTO = Format(
    "databento",
    {
        "mbo.csv": "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,"
        "channel_id,order_id,flags,ts_in_delta,sequence\n"
        "1700000000000000001,1700000000000000000,160,1,1,A,B,10.100000000,5,0,7,128,0,1\n"
        "1700000000000000002,1700000000000000001,160,1,1,A,A,10.300000000,4,0,8,128,0,2\n",
    },
    (
        ("mbo.csv", 3, 0, "time"),
        ("mbo.csv", 3, 1, "time"),
        ("mbo.csv", 3, 5, "word"),
        ("mbo.csv", 3, 6, "word"),
        ("mbo.csv", 3, 7, "price"),
        ("mbo.csv", 3, 8, "size"),
        ("mbo.csv", 3, 10, "size"),
    ),
)

POLYGON = Format(
    "polygon",
    {
        "quotes.csv": "ticker,bid_price,bid_size,ask_price,ask_size,sip_timestamp\n"
        "X,10.1,5,10.3,4,1700000000000000000\nX,10.2,1,10.3,4,1700000001000000000\n",
        "trades.csv": "ticker,id,price,size,sip_timestamp\nX,1,10.3,1,1700000000500000000\n",
    },
    (
        ("quotes.csv", 3, 1, "quote"),
        ("quotes.csv", 3, 2, "size"),
        ("quotes.csv", 3, 3, "quote"),
        ("quotes.csv", 3, 4, "size"),
        ("quotes.csv", 3, 5, "time"),
        ("trades.csv", 2, 2, "price"),
        ("trades.csv", 2, 3, "size"),
        ("trades.csv", 2, 4, "time"),
    ),
)

LEAN = Format(
    "lean",
    {
        "20131007_x_Quote_Tick.csv": "34200001,101000,5,0,0,Q,1,0\n34200002,0,0,103000,4,P,1,0\n",
        "20131007_x_Trade_Tick.csv": "34200003,103000,1,P,1,0\n34200004,103000,1,P,1,0\n",
    },
    (
        ("20131007_x_Quote_Tick.csv", 2, 0, "time"),
        ("20131007_x_Quote_Tick.csv", 2, 3, "quote"),
        ("20131007_x_Quote_Tick.csv", 2, 4, "size"),
        ("20131007_x_Quote_Tick.csv", 2, 7, "word"),
        ("20131007_x_Trade_Tick.csv", 2, 0, "time"),
        ("20131007_x_Trade_Tick.csv", 2, 1, "price"),
        ("20131007_x_Trade_Tick.csv", 2, 2, "size"),
        ("20131007_x_Trade_Tick.csv", 2, 5, "word"),
    ),
)

CSV = Format(
    "csv",
    {
        "quotes.csv": "t,b,bs,a,as\n1700000000,10.1,5,10.3,4\n1700000001,10.2,1,10.3,4\n",
        "trades.csv": "t,p,q,s\n1700000000.5,10.3,1,buy\n",
    },
    (
        ("quotes.csv", 3, 0, "time"),
        ("quotes.csv", 3, 1, "quote"),
        ("quotes.csv", 3, 2, "size"),
        ("quotes.csv", 3, 3, "quote"),
        ("quotes.csv", 3, 4, "size"),
        ("trades.csv", 2, 0, "time"),
        ("trades.csv", 2, 1, "price"),
        ("trades.csv", 2, 2, "size"),
        ("trades.csv", 2, 3, "word"),
    ),
    {
        "mapping": {
            "symbol": "X",
            "book": {
                "kind": "levels",
                "files": "quotes",
                "time": {"column": "t", "unit": "s", "zone": "UTC"},
                "bid": ["b"],
                "bid_size": ["bs"],
                "ask": ["a"],
                "ask_size": ["as"],
            },
            "trades": {
                "kind": "trades",
                "files": "trades",
                "time": {"column": "t", "unit": "s", "zone": "UTC"},
                "price": "p",
                "size": "q",
                "side": "s",
                "bid_words": ["sell"],
                "ask_words": ["buy"],
            },
        }
    },
)

# Where there is no quote the field may be empty, 0 or NaN.
REFUSALS["quote"] = tuple(v for v in NO_PRICE if v not in {"", "NaN", "0"})

FORMATS = (LOBSTER, BYBIT, BINANCE, TARDIS, DATABENTO, POLYGON, LEAN, CSV)

# JSON lines: a line in place of the second, and the reason it is refused for.
BYBIT_LINES: tuple[tuple[str, str], ...] = (
    ("{", "bad_json"),
    ("[]", "bad_json"),
    ("{}", "bad_type"),
    ('{"type":"delta"', "bad_json"),
    ('{"type":"delta",}', "bad_json"),
    ("{'type':'delta'}", "bad_json"),
    ('{"type":delta}', "bad_json"),
    ('{"type":"other","cts":1,"data":{"b":[],"a":[]}}', "bad_type"),
    ('{"type":"delta","cts":1700000001000}', "missing_field"),
    ('{"type":"delta","data":{"b":[],"a":[],"u":2}}', "missing_field"),
    ('{"type":"delta","type":"delta","cts":1,"data":{"b":[],"a":[]}}', "duplicate"),
    ('{"type":"delta","cts":NaN,"data":{"b":[],"a":[]}}', "bad_json"),
    ('{"type":"delta","cts":Infinity,"data":{"b":[],"a":[]}}', "bad_json"),
    ('{"type":"delta","cts":1.5,"data":{"b":[],"a":[]}}', "bad_number"),
    ('{"type":"delta","cts":-1,"data":{"b":[],"a":[]}}', "bad_number"),
    ('{"type":"delta","cts":"x","data":{"b":[],"a":[]}}', "bad_number"),
    ('{"type":"delta","cts":99999999999999,"data":{"b":[],"a":[]}}', "bad_time"),
    ('{"type":"delta","cts":1,"data":{"b":[["1","1"]],"a":[],"u":2}}', "out_of_order"),
    ("[" * 40 + "]" * 40, "bad_json"),
    ('{"x":' + "[" * 40 + "]" * 40 + "}", "bad_json"),
    ('{"type":"delta","cts":1700000001000,"data":{"s":"Y","b":[],"a":[]}}', "mixed_symbols"),
)
LEVEL_TEXTS: tuple[tuple[str, str], ...] = (
    ('[["x","1"]]', "bad_number"),
    ('[["","1"]]', "bad_number"),
    ('[["NaN","1"]]', "bad_number"),
    ('[["1e400","1"]]', "bad_number"),
    ('[["-1","1"]]', "bad_price"),
    ('[["0","1"]]', "bad_price"),
    ('[["0.00000000001","1"]]', "bad_number"),
    ('[["99999999999999999999","1"]]', "bad_number"),
    ('[["10","-1"]]', "bad_size"),
    ('[["10","x"]]', "bad_number"),
    ('[["10"," 1"]]', "bad_number"),
    ('[["10"]]', "bad_json"),
    ('["10","1"]', "bad_json"),
    ("[[10,]]", "bad_json"),
    ("[[NaN,1]]", "bad_json"),
    ("[[01,1]]", "bad_json"),
    ('[["10","1"],]', "bad_json"),
    ('[["10","1"]', "bad_json"),
    ('[["10.3","1"]]', "crossed"),
    ('[["10.4","1"]]', "crossed"),
    ('[["10","1"],["9","1"],["10","2"]]', "duplicate"),
)
