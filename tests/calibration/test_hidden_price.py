"""The filter of the hidden price: against brute force, and against the price that was hidden."""

from __future__ import annotations

import numpy as np

from calibration.flow_events import FlowEvents, read_flow
from calibration.hidden_price import draw_gaps, posterior
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_parts import InformedFlowParams
from rlmm_tf.presets import resolve_params
from tests.calibration.simulated_tables import table

PRESET = "book-small-tick"
INFORMED = resolve_params(PRESET).market.model.informed


def flow() -> FlowEvents:
    return read_flow([table(PRESET, 600)])


def test_the_posterior_is_that_of_weighted_walks() -> None:
    """Many random walks of the price, each weighted by the factors of the events it met."""
    events = flow()
    start = int(np.searchsorted(events.ts_ns, 100 * NS_PER_S))
    time_ns = 115 * NS_PER_S
    rows = np.arange(start, int(np.searchsorted(events.ts_ns, time_ns)))
    prices, density = posterior(events, rows, time_ns, INFORMED)
    mids = 0.5 * events.price_ticks[:, rows].sum(axis=0)
    generator = np.random.default_rng(1)
    n = 400_000
    walks = mids[0] + 1.5 * INFORMED.gap_scale_ticks * generator.standard_normal(n)
    log_weight, at_ns = np.zeros(n), int(events.ts_ns[rows[0]])
    for i, row in enumerate(rows[1:], 1):
        group = int(events.group[row])
        improving = group in (2, 3) and events.away_ticks[row] < 0
        if group > 1 and not improving:
            continue
        dt = (int(events.ts_ns[row]) - at_ns) / NS_PER_S
        walks += INFORMED.volatility_ticks * np.sqrt(dt) * generator.standard_normal(n)
        at_ns = int(events.ts_ns[row])
        x = np.clip((walks - mids[i - 1]) / INFORMED.gap_scale_ticks, -3.0, 3.0)
        tilt = INFORMED.market_tilt if group < 2 else INFORMED.limit_tilt
        buys = group in (1, 2)  # a market buy, an improving bid
        log_weight += -np.log1p(np.exp(-2.0 * tilt * x * (1 if buys else -1)))
    dt = (time_ns - at_ns) / NS_PER_S
    walks += INFORMED.volatility_ticks * np.sqrt(dt) * generator.standard_normal(n)
    weight = np.exp(log_weight - log_weight.max())
    mean = float(np.sum(prices * density))
    expected = float(np.sum(weight * walks) / weight.sum())
    spread = float(np.sqrt(np.sum((prices - mean) ** 2 * density)))
    expected_spread = float(np.sqrt(np.sum(weight * (walks - expected) ** 2) / weight.sum()))
    assert abs(mean - expected) < 0.5
    assert abs(spread / expected_spread - 1.0) < 0.05


def test_the_gap_points_to_where_the_price_goes() -> None:
    """A filter that knew nothing would be uncorrelated with the next half minute's drift."""
    events = read_flow([table(PRESET, 7200)])
    times = (np.arange(60, 7100, 20) * NS_PER_S).astype(np.int64)
    gaps = draw_gaps(events, times, INFORMED, np.random.default_rng(1))
    mid = 0.5 * events.price_ticks.sum(axis=0)
    now, later = (
        mid[np.searchsorted(events.ts_ns, times + ahead * NS_PER_S) - 1] for ahead in (0, 30)
    )
    assert np.corrcoef(gaps, later - now)[0, 1] > 3.0 / np.sqrt(len(times))


def test_nothing_after_the_time_matters() -> None:
    events = flow()
    times = np.array([200, 300]) * NS_PER_S
    end = int(np.searchsorted(events.ts_ns, times[-1]))
    poisoned = FlowEvents(
        **{
            **{name: getattr(events, name) for name in events.__dataclass_fields__},
            "group": np.where(np.arange(len(events)) >= end, 1, events.group).astype(np.uint8),
            "price_ticks": events.price_ticks + 999 * (np.arange(len(events)) >= end),
        }
    )
    a, b = (draw_gaps(e, times, INFORMED, np.random.default_rng(2)) for e in (events, poisoned))
    np.testing.assert_array_equal(a, b)


def test_without_informed_flow_there_is_no_gap() -> None:
    gaps = draw_gaps(flow(), np.array([NS_PER_S]), InformedFlowParams(), np.random.default_rng(2))
    assert gaps.tolist() == [0.0]
