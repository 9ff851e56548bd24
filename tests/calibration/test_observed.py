"""What is observed beside the model: on tables by hand, and on a simulated market."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.activity import Minutes, whole_minutes
from calibration.flow_events import FlowEvents, read_flow
from calibration.observed import Observed, observe, spread_edges, spread_transitions_of
from calibration.sessions import MOMENT_NS, alive, mid_ticks, session_end_ns
from rlmm_tf.events import EventKind, EventMetadata, EventTable, session_text
from rlmm_tf.fields import NS_PER_S
from tests.calibration.markets import known_market, recorded

Row = tuple[float, EventKind, int, int, int]  # seconds, kind, side, price, lots
ADD, CANCEL, TRADE = EventKind.ADD, EventKind.CANCEL, EventKind.TRADE


def table_of(rows: list[Row]) -> EventTable:
    columns = {
        "ts_event": np.array([round(row[0] * NS_PER_S) for row in rows], np.int64),
        "ts_recv": np.array([round(row[0] * NS_PER_S) for row in rows], np.int64),
        "seq": np.arange(len(rows), dtype=np.uint64),
        "kind": np.array([row[1] for row in rows], np.uint8),
        "side": np.array([row[2] for row in rows], np.int8),
        "price_ticks": np.array([row[3] for row in rows], np.int64),
        "qty_lots": np.array([row[4] for row in rows], np.int64),
        "order_id": np.zeros(len(rows), np.uint64),
        "flags": np.zeros(len(rows), np.uint8),
    }
    last = int(columns["ts_recv"][-1])
    source = f"sha256:{0:064x}"
    about = EventMetadata("X", "Y", "0.01", "1", session_text(0, last + 1), source)
    return EventTable.from_columns(columns, about)


def moving_quotes(pause_s: float) -> FlowEvents:
    """The only bid is taken at 10 s and comes back a tick lower after a pause."""
    return read_flow(
        [
            table_of(
                [
                    (1.0, ADD, 1, 100, 5),
                    (1.0, ADD, -1, 101, 5),
                    (10.0, TRADE, 1, 100, 5),
                    (10.0 + pause_s, ADD, 1, 99, 5),
                    (40.0, ADD, -1, 102, 5),
                ]
            )
        ]
    )


def test_a_moment_without_a_bid_is_the_markets_move() -> None:
    events = moving_quotes(0.0)
    assert alive(events)[2:-1].all()
    mids = mid_ticks(events)
    assert mids[-2] == 100.0
    assert 100.5 in mids
    assert session_end_ns(events)[1] == events.ts_ns[-1]
    transitions = spread_transitions_of(events, (1, 2), np.zeros(len(events), np.int64), 1)
    # The market order took the bid, so it made the spread of two ticks.
    matrix = np.reshape(transitions.regimes[0].by_kind[0].value, (2, 2))
    assert transitions.regimes[0].by_kind[0].n == 1
    assert matrix[0, 1] > 0.5


def test_a_pause_without_a_bid_ends_the_session() -> None:
    events = moving_quotes(MOMENT_NS / NS_PER_S + 1.0)
    assert np.isnan(mid_ticks(events)).any()
    assert session_end_ns(events)[1] == 10 * NS_PER_S
    transitions = spread_transitions_of(events, (1, 2), np.zeros(len(events), np.int64), 1)
    assert transitions.regimes[0].by_kind[0].n == 0


def test_minutes_are_whole_in_one_session_only() -> None:
    rows: list[Row] = [(30.0, ADD, 1, 100, 5), (30.0, ADD, -1, 101, 5)]
    for i in range(20):
        rows += [(61.0 + 30 * i, ADD, 1, 99, 1), (62.0 + 30 * i, ADD, -1, 103, 1)]
    minutes = Minutes.of(read_flow([table_of(rows)]))
    kept, starts = whole_minutes(minutes)
    assert not kept[0]  # began in its middle
    assert kept[1:-1].all()
    assert starts.sum() == 1
    taken: list[Row] = [(200.0, CANCEL, 1, 100, 5)]
    taken += [(200.0, CANCEL, 1, 99, 5), (230.0, ADD, 1, 100, 5)]
    halted = sorted(rows + taken, key=lambda row: row[0])
    broken = Minutes.of(read_flow([table_of(halted)]))
    assert broken.whole.sum() == minutes.whole.sum() - 1


@pytest.fixture(scope="module")
def market_table() -> EventTable:
    return recorded(known_market(), 2400)


@pytest.fixture(scope="module")
def observed(market_table: EventTable) -> Observed:
    return observe(read_flow([market_table]), [market_table])


def test_markouts_begin_near_the_half_spread_and_fills_of_short_queues_are_quicker(
    observed: Observed,
) -> None:
    markouts = observed.markouts
    assert markouts.overall.n > 500
    first = markouts.overall.value[0]  # type: ignore[index]
    assert -0.5 < first < 1.5
    chances = [part.value[2] for part in observed.queue_fills.probability]  # type: ignore[index]
    assert chances[0] > chances[-1]
    assert observed.queue_fills.converged
    assert 0.0 < chances[-1] < chances[0] <= 1.0


def test_jumps_and_stays_explain_the_share_of_time(observed: Observed) -> None:
    (regime,) = observed.spread.regimes
    assert regime.implied_share == pytest.approx(regime.time_share, abs=0.01)
    assert sum(regime.time_share) == pytest.approx(1.0)


def test_one_clock_has_no_latency_and_a_short_day_no_garch(observed: Observed) -> None:
    codes = {caution.code for caution in observed.cautions}
    assert {"latency_one_clock", "garch_too_few_returns"} <= codes


def test_a_files_observations_are_its_tables(
    market_table: EventTable, observed: Observed, tmp_path: Path
) -> None:
    path = tmp_path / "day.parquet"
    market_table.write(path)
    again = observe(read_flow([path]), [path])
    assert repr(again) == repr(observed)


def test_markouts_are_told_apart_by_regime(market_table: EventTable) -> None:
    events = read_flow([market_table])
    regime = (np.arange(len(events)) >= len(events) // 2).astype(np.int64)
    halves = observe(events, [market_table], regime, 2)
    edges = len(spread_edges(events))
    cells = halves.markouts.cells
    assert len(cells) == 2 * edges
    assert sum(cell.n for cell in cells) == halves.markouts.overall.n
    assert len(halves.spread.regimes) == 2


def test_edges_are_single_ticks_where_the_spread_hardly_moves() -> None:
    rows: list[Row] = [(1.0, ADD, 1, 100, 5), (1.0, ADD, -1, 101, 5), (9.0, ADD, 1, 99, 5)]
    assert spread_edges(read_flow([table_of(rows)])) == (1, 2, 3)
