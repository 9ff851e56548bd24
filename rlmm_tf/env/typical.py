"""Typical values of a recording, which scale what is observed in it."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env.engine import COLUMN_INDEX, Batch, Tape, engine_params, output_arrays
from rlmm_tf.env.spaces import actions_from_quotes
from rlmm_tf.env.tape import recording_of, tape_of
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_parts import TypicalParams
from rlmm_tf.params import ActionParams, EnvParams, EpisodeParams, ObservationParams
from rlmm_tf.replay_params import ReplayMarketParams
from rlmm_tf.seeding import environment_keys

# Measured once for each recording and market that is in use.
_measured: WeakKeyDictionary[Tape, dict[str, TypicalParams]] = WeakKeyDictionary()


def make_batch(params: EnvParams, *, seeds: NDArray[np.uint64], n_threads: int = 1) -> Batch:
    """A batch of the engine, with the recording that its market may need."""
    tape = recording_of(params)
    params = with_typical(params, tape)
    return Batch(engine_params(params), seeds=seeds, n_threads=n_threads, tape=tape)


def initial_mid_ticks_x2(params: EnvParams) -> int:
    """The market's mid before anybody plays; of a recording, where an episode of it begins.

    That start is drawn from the market's ranges, always the same one: no seed and no policy counts.
    """
    market = params.market
    if not isinstance(market, ReplayMarketParams):
        return 2 * market.mid_initial_ticks
    batch, arrays, nothing = _idle(market, n_steps=1, step_ns=1, seed=0)
    batch.step(nothing, **arrays)
    batch.close()
    return int(arrays["columns"][0, COLUMN_INDEX["mid_ticks_x2"]])


def with_typical(params: EnvParams, tape: Tape | None) -> EnvParams:
    """The parameters with the typical values of their recording, measured if they are left out."""
    market = params.market
    if tape is None or not isinstance(market, ReplayMarketParams) or market.typical is not None:
        return params
    of_tape = _measured.setdefault(tape, {})
    ranges = market.model_dump_json(include={"ranges"})
    if ranges not in of_tape:
        of_tape[ranges] = measure_typical(market)
    measured = market.model_copy(update={"typical": of_tape[ranges]})
    return params.model_copy(update={"market": measured})


def measure_typical(
    market: ReplayMarketParams, *, n_steps: int = 3600, step_ns: int = NS_PER_S, seed: int = 0
) -> TypicalParams:
    """What an agent that sends nothing sees in one episode, on average.

    Measured in the market's ranges alone: give it those that the agent is trained in.

    Args:
        market: its own typical values do not matter.
        n_steps: at most so many steps; fewer where the episode's range ends.
        step_ns: how long a step is.
        seed: where the episode starts.
    """
    batch, arrays, nothing = _idle(market, n_steps=n_steps, step_ns=step_ns, seed=seed)
    columns, depths = [], []
    ended = False
    while not ended:
        batch.step(nothing, **arrays)
        ended = bool(arrays["truncated"][0])
        columns.append(arrays["columns"][0].copy())
        depths.append(arrays["final_obs" if ended else "obs"].mean())
    seen = np.array(columns)
    mid_ticks = seen[:, COLUMN_INDEX["mid_ticks_x2"]] / 2
    moves = np.diff(mid_ticks) / np.sqrt(step_ns / NS_PER_S)
    volatility_ticks = float(np.sqrt(np.mean(moves**2))) if len(moves) > 0 else 0.0
    names = ("market_sells", "market_buys")
    orders = float(sum(seen[:, COLUMN_INDEX[name]].mean() for name in names))
    spread_ticks = round(seen[:, COLUMN_INDEX["spread_ticks"]].mean())
    return TypicalParams(
        spread_ticks=int(np.clip(spread_ticks, 1, 4096)),
        touch_lots=max(float(np.mean(depths)), 1.0),
        # A market in which nothing moves or trades has no scale: one tick, one order a second.
        volatility_ticks=volatility_ticks or 1.0,
        market_orders_hz=orders / 2 * NS_PER_S / step_ns or 1.0,
    )


def _idle(
    market: ReplayMarketParams, *, n_steps: int, step_ns: int, seed: int
) -> tuple[Batch, dict[str, NDArray[Any]], NDArray[np.float32] | NDArray[np.int64]]:
    """An environment of an agent that sends nothing, reset; its arrays, and that action."""
    params = EnvParams(
        market=market.model_copy(update={"typical": TypicalParams()}),
        episode=EpisodeParams(n_steps=n_steps, step_ns=step_ns, horizon_ends="truncated"),
        action=ActionParams(offset_max_ticks=1, sizes=True, lots_min=0),
        observation=ObservationParams(features=("bid_depth", "ask_depth"), levels=1, clip=1e6),
    )
    batch = Batch(
        engine_params(params), seeds=environment_keys(seed, 1), n_threads=1, tape=tape_of(market)
    )
    arrays = output_arrays(1, width=2)
    batch.reset(obs=arrays["obs"])
    return batch, arrays, actions_from_quotes(params.action, np.zeros((1, 2)), np.zeros((1, 2)))
