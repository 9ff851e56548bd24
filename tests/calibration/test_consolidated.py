"""The consolidated tape: reports of trades that no exchange made, and quotes of many venues."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.kernels.parse import BookPass
from tests.calibration.conftest import Ingest, Ingested

QUOTES = "34200001,101000,5,0,0,Q,1,0\n34200001,0,0,103000,4,P,1,0\n"
REPORT = EventFlag.HIDDEN


def trades_of(found: Ingested) -> list[tuple[int, int, int]]:
    """Side, lots, flags of each trade."""
    trade = found.column("kind") == EventKind.TRADE
    names = ("side", "qty_lots", "flags")
    return list(zip(*(found.column(name)[trade].tolist() for name in names), strict=True))


def test_lean_says_which_trades_were_only_reported(ingest_files: Ingest) -> None:
    files = {
        "20131007_x_Quote_Tick.csv": QUOTES,
        "20131007_x_Trade_Tick.csv": "34200002,103000,100,D,1,0\n34200003,103000,4,P,1,0\n",
    }
    found = ingest_files("lean", files)
    assert trades_of(found) == [(0, 100, REPORT), (-1, 4, EventFlag.REMAINS)]
    assert found.found["off_exchange"] == 1
    assert found.report.rejected == {}
    columns = {name: found.column(name) for name in found.table.table.schema.names}
    assert BookPass().depth(columns)[-1].tolist() == [1030, 4, 1010, 5]


@pytest.mark.parametrize("facility", ["", "0", "201"])
def test_polygon_names_the_facility_of_a_report(ingest_files: Ingest, facility: str) -> None:
    files = {
        "quotes.csv": "ticker,bid_price,bid_size,ask_price,ask_size,sip_timestamp\n"
        "X,10.1,5,10.3,4,1700000000000000000\n",
        "trades.csv": "ticker,id,price,size,sip_timestamp,exchange,trf_id\n"
        f"X,7,10.3,1,1700000000500000000,4,{facility}\nX,7,10.3,1,1700000000600000000,11,\n",
    }
    found = ingest_files("polygon", files)
    first = (0, 1, REPORT) if facility == "201" else (-1, 1, EventFlag.REMAINS)
    assert trades_of(found) == [first, (-1, 1, EventFlag.REMAINS)]
    # The same number on another exchange is another trade.
    files["trades.csv"] = files["trades.csv"].replace(",11,", f",4,{facility}")
    with pytest.raises(ValueError, match="expected each trade once"):
        ingest_files("polygon", files)


def test_a_report_leaves_a_recorded_quote_alone(
    recordings: Path, ingest_paths: Callable[..., Ingested]
) -> None:
    """An ask of 13:11:02, reported through, stood for another quarter of a minute."""
    files = sorted((recordings / "equities_nbbo").glob("ibm_20131008_*.zip"))
    with zipfile.ZipFile(files[1]) as archive:
        assert b"47462380,1795200,100,D," in archive.read(archive.namelist()[0])
    found = ingest_paths("lean", files)
    columns = {name: found.column(name) for name in found.table.table.schema.names}
    depth = BookPass().depth(columns)
    opened = np.flatnonzero((depth[:, 1] > 0) & (depth[:, 3] > 0))[0]
    last = np.append(columns["ts_recv"][1:] != columns["ts_recv"][:-1], True)
    both = (depth[:, 1] > 0) & (depth[:, 3] > 0)
    # Quotes change side by side: in between a side may be empty, but no moment ends like that.
    empty = ~both & last
    empty[:opened] = False
    assert empty.sum() == 0
