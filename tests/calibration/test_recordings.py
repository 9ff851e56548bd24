"""Real recordings: every one comes in, and its book is the vendor's."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from rlmm_tf.events import EventKind
from rlmm_tf.kernels.parse import BookPass
from tests.calibration.conftest import Ingested

CRYPTO = (
    "binance_cm_BTCUSD_PERP_20240808-09",
    "binance_spot_ETHBTC_20201101T09",
    "binance_spot_ETHUSDT_20240808-09",
    "binance_spot_NEXOUSDT_20240723T1539-20240724T1600",
    "binance_usdm_BTCUSDT_20240718-19",
    "binance_usdm_ETHUSDT_20240718-19",
)


def depth_of(found: Ingested, levels: int) -> NDArray[np.int64]:
    columns = {name: found.column(name) for name in found.table.table.schema.names}
    book = BookPass(levels)
    depth = book.depth(columns)
    assert book.missing_lots == 0
    return depth


@pytest.mark.parametrize(("name", "levels"), [("AMZN", 5), ("AAPL", 1)])
def test_lobsters_own_book_row_by_row(
    recordings: Path, ingest_paths: Callable[..., Ingested], name: str, levels: int
) -> None:
    path = recordings / f"equities_lobster/LOBSTER_SampleFile_{name}_2012-06-21_{levels}.zip"
    found = ingest_paths("lobster", [path])
    assert set(found.found) <= {"unknown_order", "time_rounded"}
    assert (found.report.tick_size, found.report.lot_size) == ("0.01", "1")
    depth = depth_of(found, levels)
    seq = found.column("seq")
    last_of_message = np.flatnonzero(np.append(seq[1:] != seq[:-1], True))
    ours = depth[last_of_message[1:]]  # without the snapshot
    with zipfile.ZipFile(path) as archive:
        (book,) = (inner for inner in archive.namelist() if "orderbook" in inner)
        theirs = pd.read_csv(archive.open(book), header=None).to_numpy()
    theirs[:, ::2] = np.where(theirs[:, 1::2] > 0, theirs[:, ::2] // 100, 0)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("name", CRYPTO)
def test_crypto_books_never_cross(
    recordings: Path, ingest_paths: Callable[..., Ingested], name: str
) -> None:
    files = [recordings / "crypto" / f"{name}.{kind}.xz" for kind in ("book.jsonl", "trades.csv")]
    found = ingest_paths("bybit", files)
    assert found.report.rejected == {}
    depth = depth_of(found, 1)
    both = (depth[:, 1] > 0) & (depth[:, 3] > 0)
    assert (depth[both, 0] > depth[both, 2]).all()
    hours = (found.times()[-1] - found.times()[0]) / 3.6e12
    trades = np.sum(found.column("kind") == EventKind.TRADE)
    assert trades > 0
    assert hours > 0.1


@pytest.mark.parametrize("symbol", ["bac", "aig", "ibm"])
def test_best_quotes_and_trades_of_three_days(
    recordings: Path, ingest_paths: Callable[..., Ingested], symbol: str
) -> None:
    files = sorted((recordings / "equities_nbbo").glob(f"{symbol}_*.zip"))
    found = ingest_paths("lean", files)
    assert set(found.report.rejected) <= {"outside_hours", "suspicious"}
    seconds = found.column("ts_event") // 10**9
    of_day = (seconds - 4 * 3600) % 86400  # New York in October
    assert of_day.min() >= 34_200
    assert of_day.max() < 57_600
    assert len(np.unique((seconds - 4 * 3600) // 86400)) == 3
    assert found.report.tick_size == "0.01"


def test_three_levels_of_a_future(
    recordings: Path, ingest_paths: Callable[..., Ingested], configs: Path
) -> None:
    from experiments.yaml_reader import read_file

    mapping = read_file(configs / "csv" / "sgx-three-levels.yaml").value
    found = ingest_paths("csv", sorted((recordings / "futures").glob("*.xz")), mapping=mapping)
    assert found.report.rejected == {}
    assert found.report.tick_size == "500"
    depth = depth_of(found, 3)
    seq = found.column("seq")
    spread = (depth[:, 0] - depth[:, 2])[np.append(seq[1:] != seq[:-1], True)]
    assert 0.84 < np.mean(spread == 1) < 0.88
    assert found.found == {"locked_book": 3}  # the closing auction


@pytest.mark.parametrize("name", [name for name in CRYPTO if "ETHBTC" not in name])
def test_best_quotes_of_crypto(
    recordings: Path, ingest_paths: Callable[..., Ingested], configs: Path, name: str
) -> None:
    from experiments.yaml_reader import read_file

    mapping = read_file(configs / "csv" / "best-quotes.yaml").value
    found = ingest_paths("csv", [recordings / "crypto" / f"{name}.bbo.csv.xz"], mapping=mapping)
    assert found.report.rejected == {}
    depth = depth_of(found, 1)
    assert (depth[:, 0] > depth[:, 2])[(depth[:, 1] > 0) & (depth[:, 3] > 0)].all()


def test_messages_without_a_book(recordings: Path, ingest_paths: Callable[..., Ingested]) -> None:
    (path,) = (recordings / "equities_lobster").glob("*message_50.csv.xz")
    found = ingest_paths("lobster", [path])
    assert found.report.rejected == {}
    assert found.report.rows >= 91_998
