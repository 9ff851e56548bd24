"""Decimal text of ticks and lots is exact for any count."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmm_tf.events import EventTableError
from rlmm_tf.recording.decimals import DecimalUnit

SIZES = ["0.01", "0.25", "1", "5", "0.00000001", "12.5", "100"]


@given(st.sampled_from(SIZES), st.integers(-(2**62), 2**62))
def test_text_is_the_product(size: str, count: int) -> None:
    text = DecimalUnit("tick_size", size).text(count)
    with localcontext(prec=60):
        assert Decimal(text) == Decimal(size) * count
    assert len(text.partition(".")[2]) == len(size.partition(".")[2])
    assert "e" not in text.lower()


def test_texts() -> None:
    unit = DecimalUnit("tick_size", "0.01")
    assert unit.texts(np.array([100_029, 3, 100_029, -7])).tolist() == [
        "1000.29",
        "0.03",
        "1000.29",
        "-0.07",
    ]
    assert unit.texts(np.array([], np.int64)).tolist() == []


@pytest.mark.parametrize("size", ["", "0", "0.0", "-1", "1e-2", ".5", "01", "nan", " 1", "1_0"])
def test_not_a_size(size: str) -> None:
    with pytest.raises(EventTableError, match="tick_size: expected a positive decimal number"):
        DecimalUnit("tick_size", size)


def test_whole_multiple() -> None:
    assert DecimalUnit("tick_size", "0.01").whole_multiple(10_000) == 100
    assert DecimalUnit("tick_size", "12.5").whole_multiple(2) == 25
    with pytest.raises(EventTableError, match="tick_size: expected a multiple of 1/10 "):
        DecimalUnit("tick_size", "0.25").whole_multiple(10)
