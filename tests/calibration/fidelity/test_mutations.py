"""A scorer that cannot fail is worth nothing: each thing that is broken has to show.

Two runs of one market differ by the noise floor. Then one of them is broken on purpose, and the
score that ought to see it has to rise by three floors at least.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from calibration.fidelity.distances import l1
from calibration.fidelity.facts import Yardstick, numbers_of
from calibration.fidelity.messages import MessageKind, Messages, Windows
from calibration.fidelity.responses import by_lag, response_error, touch_events
from calibration.fidelity.scores import UNCONDITIONAL
from calibration.fidelity.segments import Segments
from tests.calibration.fidelity.simulated import simulated_market

FLOORS = 3.0
Mutation = Callable[[Messages], Messages]


def swap_sides(messages: Messages) -> Messages:
    return replace(messages, side=-messages.side)


def shift_book(messages: Messages) -> Messages:
    """The book before each message instead of the one after it."""
    book = np.concatenate([messages.book[:1], messages.book[:-1]])
    return replace(messages, book=book)


def remove_clustering(messages: Messages) -> Messages:
    gaps_ns = np.diff(messages.ts_ns)
    drawn = np.random.default_rng(0).exponential(gaps_ns.mean(), len(gaps_ns)).astype(np.int64)
    return replace(messages, ts_ns=messages.ts_ns[0] + np.append(0, np.cumsum(drawn)))


def shuffle_sizes(messages: Messages) -> Messages:
    order = np.random.default_rng(0).permutation(len(messages))
    return replace(messages, lots=messages.lots[order])


def windows(seed: int) -> Windows:
    return simulated_market(seed).windows.evenly(60)


def distance(name: str, real: Windows, other: Windows) -> float:
    spec = next(spec for spec in UNCONDITIONAL if spec.name == name)
    one, two = (spec.score(part).finite().values for part in (real, other))
    return l1(one, two, discrete=spec.discrete)


def error(real: Windows, other: Windows) -> float:
    curves = []
    for part in (real, other):
        parts = Segments(part.messages, part.index, part.index)
        curves.append(by_lag(touch_events(parts), parts.blocks).value)
    return response_error(*curves)


def whole_queue_gap(real: Windows, other: Windows) -> float:
    """Of the share of market orders that take exactly the best queue."""
    parts = [Segments(part.messages, part.index, part.index) for part in (real, other)]
    yardstick = Yardstick.of(parts[0])
    one, two = (numbers_of(part, yardstick)["market_whole_queue_share"] for part in parts)
    return abs(one - two)


@pytest.mark.parametrize(
    ("mutation", "score", "measure"),
    [
        (swap_sides, "", error),
        (shift_book, "limit_ask_order_levels", None),
        (shift_book, "limit_bid_order_levels", None),
        (remove_clustering, "log_inter_arrival_time", None),
        (shuffle_sizes, "", whole_queue_gap),
    ],
)
def test_what_is_broken_shows(
    mutation: Mutation, score: str, measure: Callable[[Windows, Windows], float] | None
) -> None:
    real, other = windows(1), windows(2)
    broken = Windows(mutation(other.messages), other.length)
    measured = measure or (lambda a, b: distance(score, a, b))
    floor, seen = measured(real, other), measured(real, broken)
    assert seen - floor >= FLOORS * floor, f"floor {floor:.3f}, broken {seen:.3f}"


def test_the_sizes_of_executions_are_among_what_is_shuffled() -> None:
    messages = windows(2).messages
    executions = messages.kind == MessageKind.EXECUTION
    assert executions.any()
    assert (shuffle_sizes(messages).lots[executions] != messages.lots[executions]).any()
