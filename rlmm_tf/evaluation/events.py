"""One episode of a policy, event by event: the book's, the agent's, and the steps'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rlmm_tf.env import COLUMNS, aligned_empty, make_batch, observation_layout
from rlmm_tf.env.engine import AGENT_EVENTS, EVENT_FLAGS, EVENT_KINDS, TRACE_COLUMNS
from rlmm_tf.evaluation.play import Player
from rlmm_tf.seeding import environment_keys

LEVELS = 8  # of the book after each event

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class EpisodeEvents:
    """All that happened in an episode."""

    book: dict[str, NDArray[Any]]  # of `Batch.take_trace`; empty in a replay
    agent: dict[str, Ints]
    steps: dict[str, NDArray[np.float64]]  # columns of the steps that were taken


def episode_events(
    player: Player, *, environment: int, seed: np.random.SeedSequence
) -> EpisodeEvents:
    """The episode that `play` plays as this environment's, with these draws, once more.

    Raises:
        ValueError: the market has no book.
    """
    params = player.params
    keys = np.ascontiguousarray(environment_keys(seed, environment + 1)[environment:])
    batch = make_batch(params, seeds=keys, n_threads=1)
    batch.reset(obs=aligned_empty((1, len(observation_layout(params))), np.float32))
    batch.trace(levels=LEVELS)
    step = player.stepper(batch, params.episode.n_steps, range(environment, environment + 1))
    block = step()
    traced = batch.take_trace(0)
    batch.close()
    ended = (block.terminated | block.truncated)[:, 0]
    columns = block.columns[: int(np.argmax(ended)) + 1, 0]
    steps = {column.name: columns[:, i].copy() for i, column in enumerate(COLUMNS)}
    return EpisodeEvents(traced["book"], traced["agent"], steps)


def events_bytes(events: EpisodeEvents) -> bytes:
    """A parquet file: a row an event in the order of time, the book's and the agent's together.

    `source` says whose; `kind` is a word of EVENT_KINDS or of AGENT_EVENTS; columns that a source
    does not have are null. `own` marks the book's events that are of the agent's orders.
    """
    book, agent = events.book, events.agent
    counts = len(book["ts_ns"]), len(agent["ts_ns"])
    kinds = {number: word for word, number in EVENT_KINDS.items()}
    words = [kinds[number] for number in book["kind"].tolist()]
    words += [AGENT_EVENTS[number] for number in agent["what"].tolist()]
    # The agent's row comes before the book's row of that number, then all by time.
    number = np.concatenate([np.arange(counts[0]), agent["book_rows"]])
    is_book = np.repeat([1, 0], counts)
    ts_ns = np.concatenate([book["ts_ns"], agent["ts_ns"]])
    order = np.lexsort((is_book, number, ts_ns))
    columns: dict[str, Any] = {
        "ts_ns": pa.array(ts_ns),
        "source": pa.array(np.where(is_book == 1, "book", "agent")),
        "kind": pa.array(words, pa.string()),
    }
    for name in ("side", "price_ticks", "qty_lots"):
        columns[name] = pa.array(np.concatenate([book[name].astype(np.int64), agent[name]]))
    own = (book["flags"] & EVENT_FLAGS["agent"]) > 0
    columns["order"] = pa.array(np.concatenate([book["order_id"].astype(np.int64), agent["order"]]))
    columns["own"] = pa.array(np.concatenate([own, np.ones(counts[1], np.bool_)]))
    for column in TRACE_COLUMNS:
        if column.name in ("dropped_lots", "ahead_lots", "delay_ns"):
            values = np.concatenate([np.zeros(counts[0], np.int64), agent[column.name]])
            columns[column.name] = pa.array(values, mask=is_book == 1)
    out = pa.BufferOutputStream()
    pq.write_table(pa.table(columns).take(pa.array(order)), out, compression="zstd")
    return bytes(out.getvalue())
