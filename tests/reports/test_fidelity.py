"""The page about a comparison: all of its parts, and no markup from data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calibration.fidelity.as_json import result_as_json
from calibration.fidelity.compare import compare
from calibration.fidelity.market import Market
from reports.fidelity import fidelity_page
from reports.page import Curve, Curves, Histograms
from reports.page.page import render
from tests.calibration.fidelity.toy_flow import toy_rows, toy_windows
from tests.reports.test_page import HOSTILE, tags_of

ABOUT = {"venue": "V", "symbol": "S", "session": "a/b", "source": "sha256:0", "synthetic": False}


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    markets = []
    for key in (1, 2, 3):
        rows = toy_rows(key, 5, 200, market_share=0.15, patience=5.0, gap_s=0.05)
        markets.append(Market(f"toy {key}", toy_windows(rows)))
    real, model, floor = markets
    found = compare(real, model, floor=floor, rng=np.random.default_rng(0))
    return {
        "real": {**ABOUT, "file": "real.parquet"},
        "simulated": {**ABOUT, "file": "sim.parquet"},
        "stretches": "--blocks odd:600s",
        "scored_s": 3600.0,
        "seed": 0,
        **result_as_json(found),
    }


def test_every_part_is_there(values: dict[str, Any]) -> None:
    page = fidelity_page(values)
    titles = [section.title for section in page.sections]
    assert titles == [
        "Verdicts", "Summary", "Scores", "Distributions", "Responses", "After fills",
        "Time scales", "Stylized facts",
    ]  # fmt: skip
    text = render(page)
    tags = [tag for tag, _ in tags_of(text).seen]
    assert tags.count("svg") == 21 + 6 + 1  # distributions, responses by lag, divergence
    for name in values["scores"]:
        assert name in text
    assert "MISSES what it must reach" in text or "reaches the target" in text
    assert "only 5 windows are compared" in text


def test_names_never_become_markup(values: dict[str, Any]) -> None:
    hostile = {**ABOUT, "file": HOSTILE, "symbol": HOSTILE}
    page = render(fidelity_page({**values, "real": hostile, "simulated": hostile}))
    plain = render(fidelity_page(values))
    assert [tag for tag, _ in tags_of(page).seen] == [tag for tag, _ in tags_of(plain).seen]


def test_a_synthetic_real_table_is_named(values: dict[str, Any]) -> None:
    page = fidelity_page({**values, "real": {**values["real"], "synthetic": True}})
    assert page.note.startswith("the real table is synthetic")


def test_curves_have_gaps_bands_and_decades() -> None:
    curve = Curve("real", "real", [1.0, None, 3.0], [0.5, None, 2.0], [1.5, None, 4.0])
    svg = Curves("t", "x", "y", [1.0, 10.0, 100.0], [curve], log_x=True).svg()
    assert svg.count('class="band real"') == 1
    assert svg.count("M") >= 3  # the curve starts again after its gap
    for decade in ("1", "10", "100"):
        assert f">{decade}</text>" in svg
    nothing = Curves("t", "x", "y", [1.0], [Curve("real", "real", [None])]).svg()
    assert nothing == "<p>No values.</p>"
    hidden = Curve("real", "real", [1.0, 2.0], [None, None], [None, None])
    assert "band" not in Curves("t", "x", "y", [1.0, 2.0], [hidden]).svg()


def test_histograms_stand_on_the_axis() -> None:
    svg = Histograms("t", "x", "y", [0.0, 1.0, 2.0], [0.5, 0.5], [0.25, 0.75]).svg()
    assert 'class="filled real"' in svg
    assert 'class="curve model"' in svg
