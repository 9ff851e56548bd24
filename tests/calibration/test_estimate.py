from __future__ import annotations

import math

import pytest

from calibration.estimate import Caution, Estimate


def test_interval_of_a_number_and_of_a_list() -> None:
    assert Estimate(2.0, 1.0, 10).interval_95() == pytest.approx((0.0400360, 3.9599640))
    of_list = Estimate((1.0, 2.0), (0.0, 1.0), 5).interval_95()
    assert of_list is not None
    assert of_list[0] == pytest.approx((1.0, 0.0400360))
    assert of_list[1] == pytest.approx((1.0, 3.9599640))
    assert Estimate.borrowed(1.0, "of no data").interval_95() is None


@pytest.mark.parametrize(
    ("value", "error", "n", "expected"),
    [
        (1.0, (1.0,), 3, "shape of value"),
        ((1.0, 2.0), (1.0,), 3, "shape of value"),
        (1.0, None, 3, "expected one of an estimated value"),
        (1.0, 0.1, -1, "n: expected 0 or above, got -1"),
    ],
)
def test_what_is_no_estimate(value: object, error: object, n: int, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Estimate(value, error, n)  # type: ignore[arg-type]


def test_json_has_no_infinities() -> None:
    document = Estimate((1.0, math.nan), (math.inf, 0.5), 4, note="odd").to_json()
    assert document["value"] == [1.0, None]
    assert document["standard_error"] == [None, 0.5]
    assert Caution("few", "marks", "text").to_json()["part"] == "marks"
