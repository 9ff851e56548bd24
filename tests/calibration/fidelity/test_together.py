"""Several sessions of a market as one: means pool, and nothing looks from one into another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.fidelity.facts import Yardstick, numbers_of
from calibration.fidelity.market import Market, together
from calibration.fidelity.markouts import markouts, squared_moves
from calibration.fidelity.messages import MessageKind
from calibration.fidelity.segments import Segments
from tests.calibration.fidelity.simulated import simulated_market


def parts_of(market: Market) -> Segments:
    assert market.parts is not None
    return market.parts


def test_sessions_pool() -> None:
    one, other = simulated_market(1), simulated_market(2)
    both = together([one, other])
    assert both.windows is one.windows
    for measure in (markouts, squared_moves):
        first, second, pooled = (measure(parts_of(market)) for market in (one, other, both))
        counts = np.array([first.count, second.count])
        mean = np.average([first.value, second.value], axis=0, weights=counts)
        np.testing.assert_allclose(pooled.value, mean, rtol=1e-9)
        np.testing.assert_array_equal(pooled.count, counts.sum(axis=0))
    assert parts_of(both).blocks == parts_of(one).blocks + parts_of(other).blocks
    fills = [market.fills for market in (one, other, both)]
    assert all(part is not None for part in fills)
    assert fills[2].blocks == fills[0].blocks + fills[1].blocks
    assert len(fills[2].filled_s) == len(fills[0].filled_s) + len(fills[1].filled_s)


def test_an_order_of_one_session_is_not_filled_in_another() -> None:
    one, other = simulated_market(1), simulated_market(2)
    yardstick = Yardstick.of(parts_of(one))
    pooled = numbers_of(parts_of(together([one, other])), yardstick)
    limits, shares = [], []
    for market in (one, other):
        messages = parts_of(market).messages
        limits.append((messages.kind == MessageKind.LIMIT).sum())
        numbers = numbers_of(parts_of(market), yardstick)
        shares.append([numbers["filled_share_touch"], numbers["filled_share_behind"]])
    mean = np.average(shares, axis=0, weights=limits)
    got = [pooled["filled_share_touch"], pooled["filled_share_behind"]]
    assert got == pytest.approx(mean, rel=0.02)


def test_what_one_session_lacks_all_lack() -> None:
    one, other = simulated_market(1), simulated_market(2)
    assert together([one]) is one
    bare = replace(other, parts=None, fills=None)
    assert together([one, bare]) is one
    blind = together([one, replace(other, fills=None)])
    assert blind.fills is None
    assert blind.parts is not None
