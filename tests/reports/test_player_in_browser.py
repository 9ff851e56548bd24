"""The player of an episode in headless Chromium: quiet, alone, in the window, by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.browser import Browser, Look, browser
from reports.player import FRAMES, player_page
from rlmm_tf.evaluation.events import episode_events
from tests.evaluation.problems import skewed, small_problem
from tests.reports.hostile import PAYLOADS
from tests.reports.test_in_browser import REASON, written

pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "there is a browser")

PRESS = "document.dispatchEvent(new KeyboardEvent('keydown', {{key: {key!r}, cancelable: true}}))"


@pytest.fixture(scope="module")
def events() -> Any:
    return episode_events(skewed(small_problem()), environment=0, seed=np.random.SeedSequence(4))


def test_it_plays_under_its_own_policy(events: Any, tmp_path: Path) -> None:
    page = player_page(events, title="x" * 150, lead="an episode", tick_value=0.5)
    address = written(tmp_path, "player", page)
    with browser() as chromium:
        for look in (Look(1280), Look(400, dark=True)):
            seen = chromium.visit(address, look)
            assert seen.requests == (address,)
            assert seen.complaints == ()
            assert seen.overflow_px == 0
            assert chromium.evaluate("document.documentElement.dataset.ready") == "yes"
        place = "Number(document.getElementById('seek').value)"
        moves = (("ArrowRight", 1), ("PageDown", 101), ("ArrowLeft", 100), ("End", FRAMES - 1),
                 ("Home", 0))  # fmt: skip
        for key, wanted in moves:
            chromium.evaluate(PRESS.format(key=key))
            assert chromium.evaluate(place) == wanted, key
        chromium.evaluate(PRESS.format(key="End"))
        lots = chromium.evaluate("document.getElementById('q').textContent")
        assert float(str(lots).replace(",", "")) == events.steps["inventory_lots"][-1]
        button = "document.getElementById('play').textContent"
        for wanted_word in ("Pause", "Play"):
            chromium.evaluate(PRESS.format(key=" "))
            assert chromium.evaluate(button) == wanted_word
        _try_hostile(chromium, events, tmp_path)


def _try_hostile(chromium: Browser, events: Any, folder: Path) -> None:
    """Titles and leads that would like to be scripts."""
    together = " ".join(PAYLOADS)
    page = player_page(events, title=together, lead=together, tick_value=0.5)
    seen = chromium.visit(written(folder, "hostile", page), Look(height=4000))
    assert len(seen.requests) == 1
    assert seen.complaints == ()
    assert chromium.evaluate("window.canary") is None
