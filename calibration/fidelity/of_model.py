"""What a market model shows where a recording is scored, for a comparison with it.

Windows go on from the recorded books and the events before them, so that each has a real window
that began alike; what takes longer stretches comes from sessions of the model's own, as long as the
recorded one and at the same time of day. One session tells a volatility to about a tenth: several
that are independent of each other count as one long one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.continuations import Starts, continued
from calibration.fidelity.market import Market, together
from calibration.fidelity.messages import joined, messages_of_rows
from calibration.flow_events import read_flow, rows_of
from calibration.split import Split
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import ARROW_SCHEMA, EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import Chunk, Session, generator_hash, record

DAY_S = 86_400
WARM_UP_S = 600
SESSIONS = 3
WINDOWS_MOST = 400
ROOMS = 100  # times what a mid needs below it, so that no session ends at a price of 0
# Messages behind the levels that are looked at do not count: so many times as many are simulated,
# and more where that is not enough.
SPARE = (3, 12, 48)


@dataclass(frozen=True)
class Simulator:
    """A model, and sessions of its own that begin and end when a recorded one does."""

    model: MarketModel
    season_origin_s: int  # time of day (UTC) at which the model's season begins
    seed: int  # names every random number
    sessions: tuple[EventTable, ...]

    @classmethod
    def of(
        cls,
        model: MarketModel,
        real: EventTable,
        *,
        season_origin_s: int,
        seed: int,
        sessions: int = 1,
    ) -> Simulator:
        """With so many sessions like `real`."""
        tables = [
            _session_like(model, real, season_origin_s=season_origin_s, seed=seed, episode=episode)
            for episode in range(sessions)
        ]
        return cls(model, season_origin_s, seed, tuple(tables))


def _session_like(
    model: MarketModel, real: EventTable, *, season_origin_s: int, seed: int, episode: int
) -> EventTable:
    start_ns, duration_ns = span_of(real)
    of_day_s = (start_ns // NS_PER_S - season_origin_s) % DAY_S
    room = 4 * model.depth_ticks + model.typical.spread_ticks + 1
    mid = max(int(np.median(real.column("price_ticks")[real.column("kind") < 5])), ROOMS * room)
    params = EnvParams(
        market=BookMarketParams(
            model=model,
            mid_initial_ticks=mid,
            session_start_ns=of_day_s * NS_PER_S,
            warmup_ns=WARM_UP_S * NS_PER_S,
        )
    )
    chunks = record(params, seed=seed, duration_ns=duration_ns, episode=episode, levels=0)
    named = generator_hash(params, seed=seed, duration_ns=duration_ns, episode=episode)
    return table_like(real, chunks, named)


def span_of(real: EventTable) -> tuple[int, int]:
    """When a recording starts, and how long it is in whole seconds, in ns."""
    ts_ns = real.column("ts_recv")
    duration_ns = int(ts_ns[-1] - ts_ns[0]) + 1
    return int(ts_ns[0]), duration_ns + -duration_ns % NS_PER_S


def table_like(real: EventTable, chunks: Iterable[Chunk], generator: str) -> EventTable:
    """A simulated session at the time of a recorded one, in its units.

    Args:
        real: the recorded one.
        chunks: of the simulation.
        generator: a hash of what made them.
    """
    start_ns, duration_ns = span_of(real)
    session = Session(
        duration_ns=duration_ns,
        start_ns=start_ns,
        tick_size=real.metadata.tick_size,
        lot_size=real.metadata.lot_size,
    )
    parts = [chunk.columns(start_ns) for chunk in chunks]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in ARROW_SCHEMA.names}
    return EventTable.from_columns(columns, session.metadata(generator))


def market_of_model(
    simulator: Simulator, name: str, real_table: EventTable, real: Market, split: Split
) -> Market:
    """The model beside the real market.

    Args:
        simulator: what is judged.
        name: for messages and pages.
        real_table: the recording, from which windows go on.
        real: its windows; at most WINDOWS_MOST, evenly spread, are begun from.
        split: the stretches that are scored.
    """
    flow = read_flow([real_table])

    def go_on(times_ns: NDArray[np.int64], messages: int) -> list[Chunk]:
        starts = Starts.of(
            rows_of(real_table),
            flow,
            times_ns,
            simulator.model,
            season_origin_s=simulator.season_origin_s,
            seed=simulator.seed,
        )
        return continued(
            [starts], flow, simulator.model, seed=simulator.seed, messages=messages, levels=0
        )

    return market_going_on(name, simulator.sessions, go_on, real, split)


def market_going_on(
    name: str,
    sessions: Sequence[EventTable],
    go_on: Callable[[NDArray[np.int64], int], list[Chunk]],
    real: Market,
    split: Split,
) -> Market:
    """Simulated sessions, and windows that begin where real ones do.

    Args:
        name: for messages and pages.
        sessions: at the time of the real one.
        go_on: simulates so many messages from the real market's books at these times.
        real: its windows; at most WINDOWS_MOST, evenly spread, are begun from.
        split: the stretches that are scored.
    """
    instrument = real.windows.messages.instrument
    whole = together(
        [
            Market.of_table(name, session, split, instrument, real.windows.length)
            for session in sessions
        ]
    )
    windows = real.windows.evenly(WINDOWS_MOST)
    times_ns = windows.messages.ts_ns[:: windows.length]
    for spare in SPARE:
        chunks = go_on(times_ns, spare * windows.length)
        parts = [
            messages_of_rows(chunk.columns(int(start_ns)), instrument)
            for chunk, start_ns in zip(chunks, times_ns, strict=True)
        ]
        if min(map(len, parts)) >= windows.length:
            break
    return replace(whole, windows=joined(parts, windows.length))
