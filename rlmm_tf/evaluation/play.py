"""Plays whole episodes of a policy and writes down what came of each.

Episode e of every policy is the first one of the environment with key e, so that policies that are
played with the same seed meet the same draws of the market, whatever they quote, however many
episodes are played at once and on however many threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.baselines import DepthPolicy
from rlmm_tf.env import (
    COLUMNS,
    Batch,
    PolicySpec,
    PolicyWeights,
    RolloutArrays,
    aligned_empty,
    make_batch,
    make_policy,
    observation_layout,
    output_arrays,
    roll_out,
)
from rlmm_tf.env.engine import COLUMN_INDEX
from rlmm_tf.evaluation.episodes import EPISODE_COLUMNS, HORIZONS, UNSTRESSED, Episodes
from rlmm_tf.params import EnvParams
from rlmm_tf.seeding import environment_keys

AT_ONCE = 256  # environments; more do not fit into the processor's cache
BLOCK_ROWS = 2**14  # steps x environments whose columns are held at once, a few megabytes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Report = Callable[[int], None]  # episodes that have been finished since the last report


@dataclass(frozen=True)
class Block:
    """Consecutive steps of environments; time is the first axis."""

    columns: Floats  # (T, N, len(COLUMNS))
    terminated: Bools  # (T, N)
    truncated: Bools  # (T, N)


class Player(Protocol):
    """A policy with the problem as it sees it: market and costs are everybody's."""

    @property
    def name(self) -> str:
        """In tables and pages."""
        ...

    @property
    def params(self) -> EnvParams:
        """The problem with the policy's own observation and action."""
        ...

    def in_problem(self, params: EnvParams) -> Player:
        """The same policy where everything but observation and action is as in `params`."""
        ...

    def stepper(self, batch: Batch, n_steps: int, environments: range) -> Callable[[], Block]:
        """Takes the next `n_steps` of a batch that has been reset, at each call."""
        ...


@dataclass(frozen=True)
class RulePlayer:
    """A quoting rule that is asked at every step."""

    name: str
    params: EnvParams
    policy: Callable[[EnvParams, range], DepthPolicy]
    """Makes it for a problem and the environments that it is to play in."""

    def in_problem(self, params: EnvParams) -> RulePlayer:
        """The same rule in another problem."""
        return RulePlayer(self.name, as_seen_by(self.params, params), self.policy)

    def stepper(self, batch: Batch, n_steps: int, environments: range) -> Callable[[], Block]:
        """See `Player`."""
        policy, n_envs = self.policy(self.params, environments), batch.n_envs
        arrays = output_arrays(n_envs, len(observation_layout(self.params)))
        batch.observe(obs=arrays["obs"])
        columns = aligned_empty((n_steps, n_envs, len(COLUMNS)), np.float64)
        ends = np.empty((2, n_steps, n_envs), np.bool_)

        def run() -> Block:
            for t in range(n_steps):
                batch.step(policy.act(arrays["obs"]), **arrays)
                columns[t] = arrays["columns"]
                ends[0, t], ends[1, t] = arrays["terminated"], arrays["truncated"]
            return Block(columns, ends[0], ends[1])

        return run


@dataclass(frozen=True)
class NetworkPlayer:
    """A trained policy, by its mode, run inside the engine."""

    name: str
    params: EnvParams
    spec: PolicySpec
    weights: PolicyWeights

    def in_problem(self, params: EnvParams) -> NetworkPlayer:
        """The same policy in another problem."""
        return NetworkPlayer(self.name, as_seen_by(self.params, params), self.spec, self.weights)

    def stepper(self, batch: Batch, n_steps: int, environments: range) -> Callable[[], Block]:
        """See `Player`."""
        del environments  # its mode draws nothing
        policy = make_policy(self.spec, self.weights)
        arrays = RolloutArrays.empty(self.spec, n_steps=n_steps, n_envs=batch.n_envs, columns=True)

        def run() -> Block:
            roll_out(batch, policy, arrays, deterministic=True)
            assert arrays.columns is not None  # asked for
            return Block(arrays.columns, arrays.terminated, arrays.truncated)

        return run


def as_seen_by(own: EnvParams, params: EnvParams) -> EnvParams:
    """The problem `params` with the observation and the action of `own`, checked as a whole."""
    values = params.model_dump()
    return EnvParams.model_validate(
        values | {"observation": own.observation.model_dump(), "action": own.action.model_dump()}
    )


@dataclass(frozen=True)
class Trace:
    """Every step of a few episodes: the engine's columns, NaN after an episode's end."""

    policy: str
    columns: Floats  # (episodes, steps, len(COLUMNS))

    def __getitem__(self, name: str) -> Floats:
        """A column, (episodes, steps)."""
        return self.columns[:, :, COLUMN_INDEX[name]]


def play(
    player: Player,
    *,
    episodes: int,
    seed: np.random.SeedSequence,
    n_threads: int = 1,
    setting: str = UNSTRESSED,
    traced: int = 0,
    at_once: int = AT_ONCE,
    report: Report = lambda finished: None,
) -> tuple[Episodes, Trace]:
    """One episode of each of `episodes` environments, and the steps of the first `traced` ones.

    Args:
        player: whose policy; the problem is the one it brings.
        episodes: how many.
        seed: of the market's draws.
        n_threads: worker threads of the engine.
        setting: what the problem is called.
        traced: episodes whose steps are kept.
        at_once: environments that are stepped together.
        report: told how many episodes have come to an end.
    """
    params = player.params
    keys = environment_keys(seed, episodes)
    parts: list[dict[str, NDArray[np.float64]]] = []
    traces: list[Floats] = []
    for first in range(0, episodes, at_once):
        some = np.ascontiguousarray(keys[first : first + at_once])
        batch = make_batch(params, seeds=some, n_threads=min(n_threads, len(some)))
        batch.reset(obs=aligned_empty((len(some), len(observation_layout(params))), np.float32))
        sums = _Sums(len(some))
        wanted = max(0, min(traced - first, len(some)))
        kept = np.full((wanted, params.episode.n_steps, len(COLUMNS)), np.nan)
        _run(player, batch, range(first, first + len(some)), sums, kept)
        batch.close()
        parts.append(sums.values())
        traces.append(kept)
        report(len(some))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    joined["environment"] = np.arange(episodes, dtype=np.float64)
    # At the horizon a problem may terminate too: that is no limit.
    joined["terminated"] *= joined["steps"] < params.episode.n_steps
    values = {
        column.name: _as(column.dtype, joined[column.name], column.name)
        for column in EPISODE_COLUMNS
    }
    return Episodes(player.name, values, setting), Trace(player.name, np.concatenate(traces))


def _run(player: Player, batch: Batch, environments: range, sums: _Sums, kept: Floats) -> None:
    """Steps until every environment's first episode has ended."""
    n_steps = player.params.episode.n_steps
    at_a_time = max(1, min(n_steps, BLOCK_ROWS // batch.n_envs))
    step = player.stepper(batch, at_a_time, environments)
    done = 0
    while done < n_steps and sums.running.any():
        block = step()
        alive = sums.add(block)
        end = min(n_steps, done + at_a_time)
        of_kept = block.columns[: end - done, : len(kept)]
        kept[:, done:end] = np.where(
            alive[: end - done, : len(kept), None], of_kept, np.nan
        ).swapaxes(0, 1)
        done += at_a_time


_SUMMED = {
    "pnl_spread_x2": ("pnl_spread", 2.0),
    "pnl_inventory_x2": ("pnl_inventory", 2.0),
    "pnl_fees_x2": ("pnl_fees", 2.0),
    "maker_bid_lots": ("fills_maker_lots_bid", 1.0),
    "maker_ask_lots": ("fills_maker_lots_ask", 1.0),
    "taker_lots": ("fills_taker_lots", 1.0),
    "quoted_bid_lots": ("bid_lots", 1.0),
    "quoted_ask_lots": ("ask_lots", 1.0),
    "market_spread_ticks": ("spread_ticks", 1.0),
    "messages": ("messages", 1.0),
    "messages_refused": ("messages_refused", 1.0),
    "lots_rejected": ("lots_rejected", 1.0),
    "events": ("events", 1.0),
    "inventory_sum": ("inventory_lots", 1.0),
    "inventory_lots_s": ("term_inventory_linear", 1.0),
    "reward": ("reward", 1.0),
    **{f"markout_{horizon}_x2": (f"markout_{horizon}", 2.0) for horizon in HORIZONS},
    **{f"markout_lots_{horizon}": (f"markout_lots_{horizon}", 1.0) for horizon in HORIZONS},
}
_LAST = {
    "duration_ns": "ts_ns",
    "mid_ticks_x2": "mid_ticks_x2",
    "inventory_end_lots": "inventory_lots",
}
_PNL = [COLUMN_INDEX[name] for name in ("pnl_spread", "pnl_inventory", "pnl_fees")]


class _Sums:
    """What the episodes of some environments add up to, block by block."""

    def __init__(self, n_envs: int) -> None:
        self.running = np.ones(n_envs, np.bool_)
        counted = ("steps", "terminated", "two_sided_steps", "quoted_spread_ticks", "market_orders")
        held = ("inventory_max_lots", "inventory_squares", "inventory_products", "drawdown_x2")
        names = (*_SUMMED, *_LAST, *counted, *held)
        self._values = {name: np.zeros(n_envs) for name in names}
        self._equity_x2, self._peak_x2 = np.zeros(n_envs), np.zeros(n_envs)
        self._inventory = np.full(n_envs, np.nan)  # at the end of the step before

    def add(self, block: Block) -> Bools:
        """Takes the block in; which of its steps are of the environments' first episodes."""
        ended = block.terminated | block.truncated
        before = np.zeros_like(ended)
        before[1:] = np.logical_or.accumulate(ended, axis=0)[:-1]
        alive = self.running & ~before
        values = self._values
        columns = np.where(alive[:, :, None], block.columns, 0.0)
        sums = columns.sum(axis=0)
        for name, (column, scale) in _SUMMED.items():
            values[name] += scale * sums[:, COLUMN_INDEX[column]]
        steps = alive.sum(axis=0)
        values["steps"] += steps
        values["terminated"] += (block.terminated & alive).any(axis=0)
        for side in ("market_sells", "market_buys"):
            values["market_orders"] += sums[:, COLUMN_INDEX[side]]
        last = np.maximum(steps - 1, 0)
        for name, column in _LAST.items():
            at_end = columns[last, np.arange(len(steps)), COLUMN_INDEX[column]]
            values[name] = np.where(steps > 0, at_end, values[name])
        self._add_quotes(columns)
        self._add_inventory(columns, alive)
        self._add_equity(columns)
        self.running &= ~ended.any(axis=0)
        return alive

    def values(self) -> dict[str, Floats]:
        """One number for each environment."""
        parts = ("pnl_spread_x2", "pnl_inventory_x2", "pnl_fees_x2")
        return self._values | {"pnl_x2": sum((self._values[part] for part in parts), np.zeros(1))}

    def _add_quotes(self, columns: Floats) -> None:
        both = (
            np.minimum(
                columns[:, :, COLUMN_INDEX["bid_lots"]], columns[:, :, COLUMN_INDEX["ask_lots"]]
            )
            > 0
        )
        width = (
            columns[:, :, COLUMN_INDEX["bid_offset_ticks"]]
            + columns[:, :, COLUMN_INDEX["ask_offset_ticks"]]
        )
        self._values["two_sided_steps"] += both.sum(axis=0)
        self._values["quoted_spread_ticks"] += np.where(both, width, 0.0).sum(axis=0)

    def _add_inventory(self, columns: Floats, alive: Bools) -> None:
        inventory = columns[:, :, COLUMN_INDEX["inventory_lots"]]
        values = self._values
        values["inventory_squares"] += (inventory * inventory).sum(axis=0)
        largest = np.abs(inventory).max(axis=0)
        values["inventory_max_lots"] = np.maximum(values["inventory_max_lots"], largest)
        earlier = np.concatenate([self._inventory[None], inventory[:-1]])
        products = np.where(alive & ~np.isnan(earlier), inventory * earlier, 0.0)
        values["inventory_products"] += products.sum(axis=0)
        self._inventory = inventory[-1].copy()

    def _add_equity(self, columns: Floats) -> None:
        gains_x2 = 2.0 * columns[:, :, _PNL].sum(axis=2)
        equity_x2 = self._equity_x2 + np.cumsum(gains_x2, axis=0)
        peaks_x2 = np.maximum(np.maximum.accumulate(equity_x2, axis=0), self._peak_x2)
        values = self._values
        falls_x2 = (peaks_x2 - equity_x2).max(axis=0)
        values["drawdown_x2"] = np.maximum(values["drawdown_x2"], falls_x2)
        self._equity_x2, self._peak_x2 = equity_x2[-1], peaks_x2[-1]


def _as(dtype: type, values: Floats, name: str) -> NDArray[np.generic]:
    """Doubles as what the table holds; whole numbers are exact in a double up to 2^53."""
    if dtype is np.int64 and (np.abs(values) > 2.0**53).any():
        raise OverflowError(
            f"{name}: expected whole numbers up to 2^53, got {np.abs(values).max()}"
        )
    if dtype is np.int64:
        return np.rint(values).astype(np.int64)
    return values.astype(dtype)
