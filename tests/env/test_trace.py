"""What a batch writes down of its markets and agents, event by event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.env import COLUMNS, Batch, aligned_empty, make_batch, observation_layout, output_arrays
from rlmm_tf.env.engine import AGENT_EVENTS, COLUMN_INDEX, EVENT_FLAGS, EVENT_KINDS, TRACE_COLUMNS
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset, resolve_params
from rlmm_tf.seeding import environment_keys

STEPS = 30
MS = 1_000_000
SLOW: dict[str, Any] = {"law": "constant", "log_sd": 0.0}


def problem() -> EnvParams:
    """Delays that are told apart by their lengths."""
    return resolve_params(
        "book-large-tick",
        {
            "market": {"warmup_ns": 20_000_000_000},
            "episode": {"n_steps": STEPS},
            "latency": {
                "feed": SLOW | {"median_ns": 3 * MS},
                "entry": SLOW | {"median_ns": 5 * MS},
                "response": SLOW | {"median_ns": 7 * MS},
            },
        },
    )


def started(params: EnvParams, n_envs: int = 2) -> Batch:
    batch = make_batch(params, seeds=environment_keys(1, n_envs), n_threads=1)
    width = len(observation_layout(params))
    batch.reset(obs=aligned_empty((n_envs, width), np.float32))
    return batch


def stepped(batch: Batch, params: EnvParams, steps: int = STEPS) -> NDArray[np.float64]:
    """Columns of steps of quotes that go back and forth."""
    arrays = output_arrays(batch.n_envs, len(observation_layout(params)))
    found = np.empty((steps, batch.n_envs, len(COLUMNS)))
    action = np.zeros((batch.n_envs, batch.action_width), np.float32)
    for t in range(steps):
        action[...] = -1.0 if t % 3 else -0.9
        batch.step(action, **arrays)
        found[t] = arrays["columns"]
    return found


def of(agent: dict[str, NDArray[np.int64]], *what: str) -> NDArray[np.bool_]:
    """Rows of these kinds."""
    return np.isin(agent["what"], [AGENT_EVENTS.index(word) for word in what])


@pytest.fixture(scope="module")
def both() -> tuple[NDArray[np.float64], list[dict[str, dict[str, Any]]]]:
    params = problem()
    batch = started(params)
    batch.trace(levels=5)
    columns = stepped(batch, params)
    return columns, [batch.take_trace(i) for i in range(2)]


def test_tracing_changes_nothing(both: tuple[NDArray[np.float64], Any]) -> None:
    params = problem()
    np.testing.assert_array_equal(stepped(started(params), params), both[0])


def test_the_agents_rows_are_what_the_columns_say(
    both: tuple[NDArray[np.float64], list[dict[str, dict[str, Any]]]],
) -> None:
    columns, traces = both
    for env, trace in enumerate(traces):
        agent = trace["agent"]
        assert tuple(agent) == tuple(column.name for column in TRACE_COLUMNS)
        decided = of(agent, "decision")
        assert decided.sum() == STEPS
        np.testing.assert_array_equal(
            agent["qty_lots"][decided], columns[:, env, COLUMN_INDEX["messages"]]
        )
        sent = of(agent, "new", "replace", "cancel")
        assert sent.sum() == columns[:, env, COLUMN_INDEX["messages"]].sum() > 0
        for side, name in ((1, "bid"), (-1, "ask")):
            filled = of(agent, "maker") & (agent["side"] == side)
            lots = columns[:, env, COLUMN_INDEX[f"fills_maker_lots_{name}"]].sum()
            assert agent["qty_lots"][filled].sum() == lots > 0
            at_decisions = of(agent, "standing") & (agent["side"] == side)
            np.testing.assert_array_equal(
                agent["ahead_lots"][at_decisions][1:],
                columns[:-1, env, COLUMN_INDEX[f"queue_ahead_{name}_lots"]],
            )


def test_each_delay_is_where_it_belongs(
    both: tuple[NDArray[np.float64], list[dict[str, dict[str, Any]]]],
) -> None:
    for trace in both[1]:
        agent = trace["agent"]
        assert set(agent["delay_ns"][of(agent, "decision")]) == {3 * MS}
        assert set(agent["delay_ns"][of(agent, "new", "replace", "cancel")]) == {5 * MS}
        assert set(agent["delay_ns"][of(agent, "notice")]) == {7 * MS}
        sent, came = of(agent, "new", "replace", "cancel"), of(agent, "arrived")
        due = (agent["ts_ns"] + agent["delay_ns"])[sent]
        np.testing.assert_array_equal(agent["ts_ns"][came], due[: came.sum()])
        np.testing.assert_array_equal(agent["order"][came], agent["order"][sent][: came.sum()])


def test_the_books_rows_make_the_book(
    both: tuple[NDArray[np.float64], list[dict[str, dict[str, Any]]]],
) -> None:
    """Sums of what came and went are the lots of the best levels after each event."""
    book = both[1][0]["book"]
    kinds = {number: word for word, number in EVENT_KINDS.items()}
    lots: dict[tuple[int, int], int] = {}
    for i, kind in enumerate(book["kind"]):
        place = (int(book["side"][i]), int(book["price_ticks"][i]))
        word = kinds[int(kind)]
        if word in ("snapshot", "add"):
            lots[place] = lots.get(place, 0) + int(book["qty_lots"][i])
        elif word in ("cancel", "trade"):
            lots[place] -= int(book["qty_lots"][i])
        if i > 0 and i % 50 == 0 and word != "snapshot":
            asks = sorted(price for (side, price), n in lots.items() if side < 0 and n > 0)
            assert book["depth"][i][0] == asks[0]
            assert book["depth"][i][1] == lots[-1, asks[0]]
    assert kinds[int(book["kind"][0])] == "clear"
    assert len(book["kind"]) > 500
    own = (book["flags"] & EVENT_FLAGS["agent"]) > 0
    agent = both[1][0]["agent"]
    trades = own & (book["kind"] == EVENT_KINDS["trade"])
    assert book["qty_lots"][trades].sum() == agent["qty_lots"][of(agent, "maker")].sum()
    assert (np.diff(agent["book_rows"]) >= 0).all()


def test_a_trace_ends_with_its_episode() -> None:
    params = problem()
    batch = started(params, 1)
    batch.trace(levels=0)
    stepped(batch, params)
    ended = batch.take_trace(0)["book"]
    assert 0 < ended["ts_ns"].max() <= STEPS * params.episode.step_ns
    assert ended["ts_ns"].min() == 0  # nothing of how the next episode begins
    stepped(batch, params, 3)
    assert len(batch.take_trace(0)["book"]["ts_ns"]) == 0
    batch.trace(levels=0)
    state = batch.state()
    batch.set_state(state)
    stepped(batch, params, 3)
    assert len(batch.take_trace(0)["agent"]["ts_ns"]) == 0  # a state brings another past


def test_what_cannot_be_traced_is_refused() -> None:
    plain = started(preset("P1"), 1)
    with pytest.raises(ValueError, match="trace: expected a market with a book"):
        plain.trace(levels=1)
    with pytest.raises(ValueError, match="expected one that is traced, got 0"):
        plain.take_trace(0)
    with pytest.raises(ValueError, match="environment: expected 0 or above"):
        plain.take_trace(-1)
    with pytest.raises(ValueError, match="levels: expected from 0 to 200"):
        plain.trace(levels=201)
