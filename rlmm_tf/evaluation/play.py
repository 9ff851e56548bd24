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
from rlmm_tf.evaluation.episodes import EPISODE_COLUMNS, UNSTRESSED, Episodes
from rlmm_tf.evaluation.sums import Block, Floats, Sums, typed
from rlmm_tf.params import EnvParams
from rlmm_tf.seeding import environment_keys

AT_ONCE = 256  # environments; more do not fit into the processor's cache
BLOCK_ROWS = 2**14  # steps x environments whose columns are held at once, a few megabytes

Report = Callable[[int], None]  # episodes that have been finished since the last report


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
        batch.log_fills(True)
        sums = Sums(len(some), params)
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
        column.name: typed(column.dtype, joined[column.name], column.name)
        for column in EPISODE_COLUMNS
    }
    return Episodes(player.name, values, setting), Trace(player.name, np.concatenate(traces))


def _run(player: Player, batch: Batch, environments: range, sums: Sums, kept: Floats) -> None:
    """Steps until every environment's first episode has ended."""
    n_steps = player.params.episode.n_steps
    at_a_time = max(1, min(n_steps, BLOCK_ROWS // batch.n_envs))
    step = player.stepper(batch, at_a_time, environments)
    done = 0
    while done < n_steps and sums.running.any():
        block = step()
        alive = sums.add(block, batch.take_fills())
        end = min(n_steps, done + at_a_time)
        of_kept = block.columns[: end - done, : len(kept)]
        kept[:, done:end] = np.where(
            alive[: end - done, : len(kept), None], of_kept, np.nan
        ).swapaxes(0, 1)
        done += at_a_time
