"""The scores against the original benchmark's own numbers for the same two sets of messages.

`benchmark_pair.json` holds what LOB-Bench (peernagy/lob_bench at 276baf3) computed from the rows of
`toy_flow.benchmark_pair`, written as LOBSTER files: for each score its L1 and Wasserstein distance
and the number of values of either set; for each event the response at each lag of either set.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.fidelity.conditional import Conditioned, conditional_distances
from calibration.fidelity.distances import Sample, l1, wasserstein
from calibration.fidelity.messages import Windows
from calibration.fidelity.responses import EVENTS, LAGS, by_lag, touch_events
from calibration.fidelity.scores import CONDITIONAL, UNCONDITIONAL, ConditionalSpec, ScoreSpec
from calibration.fidelity.scores import vol_per_min as volume
from calibration.fidelity.segments import Segments
from tests.calibration.fidelity.toy_flow import benchmark_pair, toy_windows

EXPECTED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "benchmark_pair.json").read_text("utf-8")
)
EXACT = 1e-9


@pytest.fixture(scope="module")
def pair() -> tuple[Windows, Windows]:
    real, other = benchmark_pair()
    return toy_windows(real), toy_windows(other)


def values_of(spec: ScoreSpec, windows: Windows) -> Sample:
    if spec.name == "vol_per_min":
        return volume(windows, published_edges=True)
    return spec.score(windows).finite()


@pytest.mark.parametrize("spec", UNCONDITIONAL, ids=lambda spec: spec.name)
def test_score(pair: tuple[Windows, Windows], spec: ScoreSpec) -> None:
    real, other = (values_of(spec, windows) for windows in pair)
    got = (
        l1(real.values, other.values, discrete=spec.discrete, pooled=True),
        wasserstein(real.values, other.values, pooled=True),
        len(real.values),
        len(other.values),
    )
    assert got == pytest.approx(EXPECTED["unconditional"][spec.name], abs=EXACT)


@pytest.mark.parametrize("spec", CONDITIONAL, ids=lambda spec: spec.name)
def test_conditional_score(pair: tuple[Windows, Windows], spec: ConditionalSpec) -> None:
    real, other = (Conditioned.of(spec.score(windows), spec.condition(windows)) for windows in pair)
    got = conditional_distances(real, other, spec.groups, discrete=spec.discrete, pooled=True)
    assert got == pytest.approx(EXPECTED["conditional"][spec.name], abs=EXACT)


def test_every_published_score_is_here() -> None:
    assert {spec.name for spec in UNCONDITIONAL} == set(EXPECTED["unconditional"])
    assert {spec.name for spec in CONDITIONAL} == set(EXPECTED["conditional"])
    assert list(LAGS) == EXPECTED["lags"]


@pytest.mark.parametrize("which", [0, 1])
def test_responses(pair: tuple[Windows, Windows], which: int) -> None:
    windows = pair[which]
    parts = Segments(windows.messages, windows.index, windows.index)
    got = by_lag(touch_events(parts), parts.blocks).value
    for event, curve in zip(EVENTS, got, strict=True):
        expected = np.array(EXPECTED["response"][event][which], float)
        np.testing.assert_allclose(curve, expected, atol=EXACT, err_msg=event)
