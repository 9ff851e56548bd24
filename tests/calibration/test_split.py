from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.split import CLOSED_NS, DAY_NS, Split, SplitError, duration_ns
from rlmm_tf.fields import NS_PER_S

OPENS = 1_340_285_400 * NS_PER_S  # 2012-06-21T13:30:00Z
S = NS_PER_S


def stretches_s(split: Split) -> list[tuple[float, float]]:
    return [((a - OPENS) / S, (b - OPENS) / S) for a, b in split.stretches]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, (0, 23_400)),
        (",", (0, 23_400)),
        ("0s,57600s", (0, 23_400)),
        ("1h,2h", (3600, 7200)),
        ("30m,", (1800, 23_400)),
        (",1.5h", (0, 5400)),
        ("0d,90s", (0, 90)),
        ("2012-06-21T14:00:00,2012-06-21T15:00:00", (1800, 5400)),
        ("2012-06-21T10:00:00-04:00, 2012-06-21T15:00:00.25", (1800, 5400.25)),
        ("2012-06-21,2012-06-22", (0, 23_400)),
    ],
)
def test_a_span_is_a_part_of_the_recording(text: str | None, expected: tuple[float, float]) -> None:
    split = Split.of(text, None, OPENS, OPENS + 23_400 * S)
    assert stretches_s(split) == [expected]


def test_blocks_alternate_from_the_start_of_the_span_and_the_last_may_be_short() -> None:
    even = Split.of("10m,", "even:600s", OPENS, OPENS + 3000 * S)
    odd = Split.of("10m,", "odd:10m", OPENS, OPENS + 3000 * S)
    assert stretches_s(even) == [(600, 1200), (1800, 2400)]
    assert stretches_s(odd) == [(1200, 1800), (2400, 3000)]
    short = Split.of(None, "even:600s", OPENS, OPENS + 1300 * S)
    assert stretches_s(short) == [(0, 600), (1200, 1300)]
    assert short.seconds == 700.0


def test_blocks_start_anew_with_each_day_and_closed_hours_do_not_count() -> None:
    day = np.arange(0, 1500 * S, S)
    ts_ns = np.concatenate([OPENS + day, OPENS + DAY_NS + 7 * S + day])
    even = Split.of_rows(None, "even:600s", ts_ns)
    next_day = 86_400 + 7
    assert stretches_s(even) == [
        (0, 600),
        (1200, 1499 + 1e-9),
        (next_day, next_day + 600),
        (next_day + 1200, next_day + 1499 + 1e-9),
    ]
    both = Split.of_rows(None, None, ts_ns)
    assert stretches_s(both) == [(0, 1499 + 1e-9), (next_day, next_day + 1499 + 1e-9)]


def test_a_market_that_never_closes_is_not_cut_at_midnight_but_its_blocks_are() -> None:
    start = OPENS // DAY_NS * DAY_NS + DAY_NS - 700 * S
    ts_ns = np.arange(start, start + 1400 * S, S)
    assert len(Split.of_rows(None, None, ts_ns).stretches) == 1
    even = Split.of_rows(None, "even:600s", ts_ns)
    assert [(b - a) // S for a, b in even.stretches] == [600, 600]
    same = Split.of(None, "even:600s", start, int(ts_ns[-1]) + 1)
    assert same == even


@given(
    gaps=st.lists(st.integers(1, 3 * CLOSED_NS), min_size=2, max_size=60),
    length_s=st.integers(1, 20_000),
)
def test_even_and_odd_share_nothing_and_leave_nothing(gaps: list[int], length_s: int) -> None:
    ts_ns = OPENS + np.cumsum(np.array(gaps, np.int64))
    whole = Split.of_rows(None, None, ts_ns)
    even = Split.of_rows(None, f"even:{length_s}s", ts_ns)
    assert (whole.within(ts_ns) >= 0).all()
    is_even = even.within(ts_ns) >= 0
    try:
        odd = Split.of_rows(None, f"odd:{length_s}s", ts_ns)
    except SplitError:  # the recording ends within a first block
        assert is_even.all()
        return
    assert (is_even != (odd.within(ts_ns) >= 0)).all()
    assert abs(even.seconds + odd.seconds - whole.seconds) < 1e-6
    left = whole.without(even)
    assert ((left.within(ts_ns) >= 0) == (odd.within(ts_ns) >= 0)).all()


def test_within_names_the_stretch() -> None:
    split = Split(((10, 20), (20, 25), (40, 50)))
    ts_ns = np.array([9, 10, 19, 20, 24, 25, 39, 40, 49, 50])
    assert split.within(ts_ns).tolist() == [-1, 0, 0, 1, 1, -1, -1, 2, 2, -1]


def test_without_cuts_holes() -> None:
    whole = Split(((0, 100), (200, 300)))
    assert whole.without(Split(((10, 20), (90, 210)))).stretches == ((0, 10), (20, 90), (210, 300))
    with pytest.raises(SplitError, match="expected one at least"):
        whole.without(Split(((0, 300),)))


def test_durations() -> None:
    assert duration_ns("0.000000001s") == 1
    assert duration_ns("1.5h") == 5400 * S
    assert duration_ns("2d") == 2 * DAY_NS
    for text in ("", "5", "s", "-1s", "1e3s", "1 s", "1.0000000001s"):
        assert duration_ns(text) is None


@pytest.mark.parametrize(
    ("span", "blocks", "says"),
    [
        ("1h", None, "--span: expected two of"),
        ("1h,2h,3h", None, "--span: expected two of"),
        ("noon,", None, "got 'noon'"),
        ("2h,1h", None, "lasts 23400s from 2012-06-21T13:30:00 UTC, got '2h,1h'"),
        ("7h,", None, "expected a part of the recording"),
        (None, "600s", "--blocks: expected even or odd and a length"),
        (None, "even:", "such as 'even:600s', got 'even:'"),
        (None, "even:0s", "got 'even:0s'"),
        (None, "odd:7h", "expected a block inside the recording"),
    ],
)
def test_bad_text_is_told_what_was_expected(
    span: str | None, blocks: str | None, says: str
) -> None:
    with pytest.raises(SplitError, match=says.replace("(", r"\(")):
        Split.of(span, blocks, OPENS, OPENS + 23_400 * S)


def test_rows_are_needed() -> None:
    with pytest.raises(SplitError, match="expected rows, got none"):
        Split.of_rows(None, None, np.array([], np.int64))
    ts_ns = OPENS + np.array([0, 5 * 3600]) * S
    with pytest.raises(SplitError, match="expected rows in the span"):
        Split.of_rows("1h,2h", None, ts_ns)


def test_stretches_are_sorted_and_disjoint() -> None:
    for bad in (((5, 5),), ((0, 10), (9, 20)), ((20, 30), (0, 10))):
        with pytest.raises(SplitError, match="sorted, disjoint"):
            Split(bad)
