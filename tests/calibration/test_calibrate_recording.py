"""A recorded stock, where there is one: fitted to even blocks, held to odd ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.fit import Settings, calibrate, flow_of
from calibration.goodness import goodness_of
from calibration.split import Split

RECORDINGS = "RLMM_RECORDINGS"  # a folder of event tables
TABLE = Path(os.environ.get(RECORDINGS, "")) / "amzn.parquet"
SETTINGS = Settings(match_rates=False, informed=False)

pytestmark = pytest.mark.skipif(
    not os.environ.get(RECORDINGS) or not TABLE.exists(), reason=f"no amzn.parquet in {RECORDINGS}"
)


def blocks(which: str) -> Callable[[NDArray[np.int64]], Split]:
    def split(ts_ns: NDArray[np.int64]) -> Split:
        return Split.of_rows(None, f"{which}:600s", ts_ns)

    return split


def test_likelihood_on_time_it_has_not_seen() -> None:
    market = calibrate([TABLE], blocks("even"), SETTINGS)
    classes = market.parts.book.classes
    held_out = flow_of([TABLE], blocks("odd"), SETTINGS, classes)
    found = goodness_of(market.model, held_out, market.parts.book.depth)
    assert found.gain_per_event > 2.9
    assert max(each.ks for each in found.residuals[2:]) < 0.1
    assert market.estimates["branching_radius"].number < 0.97
