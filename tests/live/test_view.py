"""What a live client sees is what training sees: observation by observation, bit for bit."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.env import (
    REPLAY_FEATURES,
    Batch,
    make_batch,
    measure_typical,
    observation_layout,
    output_arrays,
)
from rlmm_tf.env.live import LiveView
from rlmm_tf.events import EventFlag, EventKind, EventTable
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset, resolve_params, usual_problem
from rlmm_tf.recording import Session, generator_hash, record
from rlmm_tf.replay_params import RangeParams, ReplayMarketParams
from rlmm_tf.seeding import environment_keys

S = 1_000_000_000
STEP_NS = S // 5
START_NS = 1_340_271_000 * S
DURATION_NS = 90 * S
COLUMNS = ("kind", "side", "price_ticks", "qty_lots", "order_id", "flags")
MARKET = preset("book-small-tick")
NO_QUOTES = np.full((1, 4), -1.0, np.float32)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five simulated minutes, order by order."""
    session = Session(duration_ns=DURATION_NS, start_ns=START_NS)
    chunks = list(record(MARKET, seed=4, duration_ns=DURATION_NS, levels=0))
    parts = [chunk.columns(START_NS) for chunk in chunks]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    generator = generator_hash(MARKET, seed=4, duration_ns=DURATION_NS)
    path = tmp_path_factory.mktemp("day") / "sim.parquet"
    EventTable.from_columns(columns, session.metadata(generator)).write(path)
    return path


def problem(path: Path, table: EventTable, step_ns: int) -> EnvParams:
    """Every feature of the whole recording in one episode, with quotes of no lots."""
    times = table.column("ts_recv")
    first, last = int(times[0]), int(times[-1])
    replay = ReplayMarketParams(
        recording=str(path), ranges=(RangeParams(start_ns=first, end_ns=last),)
    )
    typical = measure_typical(replay)
    replay = replay.model_copy(update={"typical": typical})
    return resolve_params(
        usual_problem(replay, typical, lots=1, tick_value=1.0),
        {
            "observation": {"features": tuple(feature.name for feature in REPLAY_FEATURES)},
            "action": {"kind": "continuous", "sizes": True, "lots_min": 0},
            "episode": {"step_ns": step_ns, "n_steps": (last - first) // step_ns + 2},
        },
    )


def trained(params: EnvParams) -> NDArray[np.float32]:
    """The observation before each step of the episode, until the recording ends."""
    batch: Batch = make_batch(params, seeds=environment_keys(1, 1), n_threads=1)
    arrays = output_arrays(1, len(observation_layout(params)))
    batch.reset(obs=arrays["obs"])
    seen = [arrays["obs"][0].copy()]
    while True:
        batch.step(NO_QUOTES, **arrays)
        if arrays["terminated"][0] or arrays["truncated"][0]:
            return np.array(seen)
        seen.append(arrays["obs"][0].copy())


def beginning(table: EventTable) -> int:
    """Rows until there are bids and asks, and all rows of that time."""
    times = table.column("ts_recv")
    first = 0
    while True:
        first = int(np.searchsorted(times, times[first], side="right"))
        book = levels_of(table, first)
        if book[1] and book[-1]:
            return first


def levels_of(table: EventTable, rows: int) -> dict[int, list[tuple[int, int]]]:
    """What a snapshot after so many rows shows."""
    book: dict[int, Counter[int]] = {1: Counter(), -1: Counter()}
    kinds, sides, prices, lots, flags = (
        table.column(name)[:rows].tolist()
        for name in ("kind", "side", "price_ticks", "qty_lots", "flags")
    )
    for kind, side, price, size, flag in zip(kinds, sides, prices, lots, flags, strict=True):
        if kind == EventKind.CLEAR:
            for one in (side,) if side else (1, -1):
                book[one].clear()
        elif kind in {EventKind.ADD, EventKind.SNAPSHOT}:
            book[side][price] += size
        elif kind in {EventKind.CANCEL, EventKind.TRADE} and not flag & EventFlag.HIDDEN:
            book[side][price] -= size
    return {side: [(p, n) for p, n in found.items() if n > 0] for side, found in book.items()}


def live(params: EnvParams, table: EventTable, steps: int) -> NDArray[np.float32]:
    """The same from market data: a snapshot of what is there at first, then rows."""
    times = table.column("ts_recv")
    first = beginning(table)
    view, book, start_ns = LiveView(params), levels_of(table, first), int(times[first - 1])
    view.snapshot(start_ns, book[1], book[-1])
    assert view.started
    seen = np.zeros((steps, view.obs.shape[1]), np.float32)
    columns: dict[str, NDArray[Any]] = {name: table.column(name)[first:] for name in COLUMNS}
    ended = view.feed_table({"ts_ns": times[first:], **columns}, seen)
    ended += view.close_until(int(times[-1]))
    assert ended >= steps - 1
    return np.concatenate([view_start(params, start_ns, book), seen[: steps - 1]])


def view_start(params: EnvParams, ts_ns: int, book: Any) -> NDArray[np.float32]:
    view = LiveView(params)
    view.snapshot(int(ts_ns), book[1], book[-1])
    return view.obs.copy()


def require_equal(path: Path, step_ns: int, least: int) -> None:
    table = EventTable.read(path)
    params = problem(path, table, step_ns)
    training = trained(params)
    assert len(training) >= least
    seen = live(params, table, len(training))
    different = np.flatnonzero((training != seen).any(axis=0))
    assert [observation_layout(params).names[i] for i in different] == []
    assert training.tobytes() == seen.tobytes()
    assert (training.std(axis=0) > 0).mean() > 0.2  # not all of them stand still


def test_live_is_training_on_a_simulated_recording(recording: Path) -> None:
    require_equal(recording, STEP_NS, 400)


def test_live_is_training_on_a_real_day() -> None:
    folder = os.environ.get("RLMM_DATA")
    if folder is None:
        pytest.skip("set RLMM_DATA to a folder of canonical recordings")
    paths = sorted(Path(folder).glob("*.parquet"))
    assert paths
    for path in paths:
        kinds = EventTable.read(path).column("kind")
        if (kinds != EventKind.MODIFY).all():  # a public stream says what changes
            require_equal(path, S, 100)


def test_rows_one_by_one_and_as_a_table_are_the_same(recording: Path) -> None:
    table = EventTable.read(recording)
    params = problem(recording, table, STEP_NS)
    whole = trained(params)
    times = table.column("ts_recv")
    first = int(np.searchsorted(times, times[0], side="right"))
    view, book = LiveView(params), levels_of(table, first)
    view.snapshot(int(times[0]), book[1], book[-1])
    columns = [table.column(name)[first:].tolist() for name in COLUMNS]
    step = compared = 0
    for row in zip(times[first:].tolist(), *columns, strict=True):
        ended = view.feed([row])
        step += ended
        if step >= len(whole):
            break
        if ended > 0:  # the observation is that of the last one
            assert view.obs.tobytes() == whole[step].tobytes()
            compared += 1
    assert compared > 100


class Book:
    """A view of a small book, fed by hand."""

    def __init__(self) -> None:
        features = ("time_left", "inventory", "bid_lots", "bid_queue_ahead", "mid_return", "spread")
        self.params = resolve_params(
            MARKET,
            {
                "observation": {"features": features},
                "action": {"kind": "continuous", "sizes": False},
                "episode": {"step_ns": S, "n_steps": 4},
            },
        )
        self.view = LiveView(self.params)
        self.view.snapshot(0, [(100, 5), (99, 4)], [(102, 6), (103, 7)])
        self.layout = observation_layout(self.params)

    def shown(self, name: str) -> float:
        return float(self.layout.natural(self.view.obs, name)[0])

    def feed(self, *row: int) -> int:
        return self.view.feed([row])


def test_own_orders_are_no_price_and_wait_in_the_queue() -> None:
    book = Book()
    book.feed(1, EventKind.ADD, 1, 101, 2, 77, 0)
    assert book.view.mid_ticks_x2 == 203
    book.view.on_order(side=1, order_id=77, price_ticks=101, lots=2, ahead_lots=0)
    book.feed(2, EventKind.CANCEL, -1, 103, 1, 9, 1)
    assert book.view.mid_ticks_x2 == 202
    book.view.on_order(side=1, order_id=77, price_ticks=100, lots=2, ahead_lots=5)
    book.feed(3, EventKind.CANCEL, 1, 101, 2, 77, 0)
    book.feed(3, EventKind.ADD, 1, 100, 2, 77, 0)
    book.feed(4, EventKind.ADD, 1, 100, 3, 8, 0)  # behind
    book.feed(5, EventKind.CANCEL, 1, 100, 3, 8, 0)
    book.feed(6, EventKind.TRADE, 1, 100, 2, 5, 1)  # ahead
    assert book.view.close_until(S) == 1
    assert book.shown("bid_queue_ahead") == pytest.approx(3)
    assert book.view.levels(1, 1) == [(100, 5, 2)]
    book.view.on_order(side=1, order_id=77, price_ticks=100, lots=0, ahead_lots=0)
    assert book.view.levels(1, 2) == [(100, 5, 0), (99, 4, 0)]


def test_desk_sends_least_and_takes_back() -> None:
    book = Book()
    wide = np.array([0.0, 0.0], np.float32)
    first = book.view.decide(wide)
    assert [(w.kind, w.side) for w in first] == [("new", 1), ("new", -1)]
    assert book.view.decide(wide) == []
    moved = book.view.decide(np.array([0.5, 0.0], np.float32))
    assert [(w.kind, w.side, w.order) for w in moved] == [("replace", 1, first[0].order)]
    book.view.take_back(1)
    assert book.view.quote(1) == (first[0].price_ticks, first[0].lots)
    book.view.hear(side=1, order=first[0].order, filled_lots=first[0].lots)
    assert book.view.inventory_lots == first[0].lots
    assert [w.kind for w in book.view.withdraw()] == ["cancel"]
    book.view.reconcile(3)
    assert (book.view.inventory_lots, book.view.withdraw()) == (3, [])


def test_clock_starts_anew_at_the_horizon() -> None:
    book = Book()
    assert book.shown("time_left") == 4
    left = []
    for second in range(1, 7):
        book.view.close_until(second * S)
        left.append(book.shown("time_left"))
    assert left == [3, 2, 1, 4, 3, 2]
    assert book.view.steps_done == 2


def test_nothing_starts_before_both_sides_are_there() -> None:
    view = LiveView(Book().params)
    view.snapshot(0, [(100, 5)], [])
    assert not view.started
    assert not view.has_both
    assert view.close_until(10 * S) == 0
    view.feed([(11, EventKind.ADD, -1, 103, 1, 4, 0)])
    assert view.started
    view.feed([(12, EventKind.CANCEL, -1, 103, 1, 4, 0)])
    assert not view.has_both
    assert view.mid_ticks_x2 == 203  # as it last was


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((1, 2, 1, 100, 6, 0, 0), "expected lots that are there, got 6 off a level of 5"),
        ((1, 4, -1, 101, 1, 0, 0), "off a level of 0 at 101"),
        ((1, 3, 1, 100, 6, 0, 0), "expected changes of a level"),
        ((1, 9, 1, 100, 6, 0, 0), "a kind from 1 to 7"),
        ((1, 1, 0, 100, 6, 0, 0), "side 1 or -1"),
        ((1, 1, 1, 0, 6, 0, 0), "a price from 1"),
        ((1, 1, 1, 100, -1, 0, 0), "lots from 0"),
        ((1, 1, 1, 100, 2**62, 0, 0), "lots from 0"),
    ],
)
def test_rows_that_do_not_fit_are_refused(row: tuple[int, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Book().view.feed([row])


def test_what_nobody_shows_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one with a book, got 'analytic'"):
        LiveView(preset("P1"))
    regime = {"observation": {"features": ("time_left", "regime_probability")}}
    with pytest.raises(ValueError, match="train without"):
        LiveView(resolve_params(MARKET, regime))
