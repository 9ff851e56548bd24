from __future__ import annotations

import numpy as np
import pytest

from calibration.fidelity.messages import Windows
from calibration.fidelity.responses import (
    EVENTS,
    by_time,
    response_error,
    touch_events,
)
from calibration.fidelity.segments import Segments, mid_x2_after
from tests.calibration.fidelity.toy_flow import toy_rows, toy_windows


@pytest.fixture(scope="module")
def windows() -> Windows:
    return toy_windows(toy_rows(3, 4, 150, market_share=0.2, patience=4.0, gap_s=0.02))


def test_mids_after_a_while_are_those_of_a_plain_search(windows: Windows) -> None:
    messages, window = windows.messages, windows.index
    parts = Segments(messages, window, window)
    rows = np.arange(0, len(messages), 7)
    got = mid_x2_after(parts, rows, 0.25)
    for row, mid in zip(rows.tolist(), got, strict=True):
        wanted = int(messages.ts_ns[row]) + 250_000_000
        mine = [i for i in range(len(messages)) if window[i] == window[row]]
        if messages.ts_ns[mine[-1]] < wanted:
            assert np.isnan(mid)
        else:
            last = max(i for i in mine if messages.ts_ns[i] <= wanted)
            assert mid == messages.mid_x2_ticks[last]


def test_responses_in_clock_time_are_those_of_a_plain_loop(windows: Windows) -> None:
    parts = Segments(windows.messages, windows.index, windows.index)
    events = touch_events(parts)
    got = by_time(parts, events, (0.1, 1.0)).value
    for h, horizon_s in enumerate((0.1, 1.0)):
        values: dict[int, list[float]] = {name: [] for name in range(len(EVENTS))}
        for i, row in enumerate(events.row):
            before = events.first_row[i] - 1
            if before < 0 or windows.index[before] != windows.index[row]:
                continue
            after = mid_x2_after(parts, np.array([row]), horizon_s)[0]
            if np.isfinite(after):
                move = (after - windows.messages.mid_x2_ticks[before]) / 2
                values[int(events.name[i])].append(float(events.sign[i]) * move)
        for name, each in values.items():
            expected = np.mean(each) if each else np.nan
            np.testing.assert_allclose(got[name, h], expected)


def test_error_is_the_mean_over_events_of_the_mean_over_lags() -> None:
    real = np.array([[1.0, 2.0, np.nan], [0.0, 0.0, 0.0]])
    other = np.array([[2.0, 0.0, 5.0], [0.0, 0.3, np.nan]])
    assert response_error(real, other) == pytest.approx((1.5 + 0.15) / 2)
    assert np.isnan(response_error(real * np.nan, other))
