"""A recorded stock: fitted to even blocks of ten minutes, held to the odd ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.fit import Settings, calibrate, flow_of
from calibration.goodness import goodness_of
from calibration.split import Split
from tests.calibration.conftest import Ingested

SETTINGS = Settings(match_rates=False, informed=False)


def blocks(which: str) -> Callable[[NDArray[np.int64]], Split]:
    def split(ts_ns: NDArray[np.int64]) -> Split:
        return Split.of_rows(None, f"{which}:600s", ts_ns)

    return split


def test_likelihood_on_time_it_has_not_seen(
    recordings: Path, ingest_paths: Callable[..., Ingested]
) -> None:
    path = recordings / "equities_lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    table = ingest_paths("lobster", [path]).table
    market = calibrate([table], blocks("even"), SETTINGS)
    book = market.parts.book
    held_out = flow_of([table], blocks("odd"), SETTINGS, book.classes, book.company.number)
    found = goodness_of(market.model, held_out)
    assert found.gain_per_event > 2.9
    assert max(each.ks for each in found.residuals[2:]) < 0.1
    assert market.estimates["branching_radius"].number < 0.97
