"""The ladder: its rungs in order, each fitted to the stretches that are left, each a market."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calibration import ladder as module
from calibration.fidelity.compare import compare
from calibration.fidelity.market import Market
from calibration.fidelity.messages import instrument_of
from calibration.fit import Settings
from calibration.ladder import Ladder
from calibration.split import Split
from rlmm_tf.events import EventTable
from rlmm_tf.market_presets import small_tick
from tests.calibration.fidelity.simulated import simulated_table


class Fits:
    """In place of `calibrate`: notes what it was asked, and gives the true market."""

    def __init__(self) -> None:
        self.asked: list[tuple[Settings, Split]] = []

    def __call__(self, sources: list[EventTable], split: Any, settings: Settings) -> Any:
        self.asked.append((settings, split(sources[0].column("ts_recv"))))
        model, origin_s = small_tick(), 0
        return type("Fit", (), {"model": model, "season_origin_s": origin_s})


def test_rungs(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = Fits()
    monkeypatch.setattr(module, "calibrate", fits)
    table = simulated_table(seed=1)
    ts_ns = table.column("ts_recv")
    scored, fitted = (Split.of_rows(None, f"{which}:600s", ts_ns) for which in ("odd", "even"))
    real = Market.of_table("real", table, scored, instrument_of(table))
    told: list[str] = []
    rungs = list(Ladder(table, real, scored, fitted, seed=3).rungs(told.append))
    names = ["Poisson", "Cont-Stoikov-Talreja", "state bootstrap", "Hawkes", "QRH", "QRH + latent"]
    assert [rung.name for rung in rungs] == names
    assert len(told) == 5  # both Poisson flows are fitted at once
    assert [settings.state_factors for settings, _ in fits.asked] == [False, True, True]
    assert [settings.informed for settings, _ in fits.asked] == [False, False, True]
    assert all(split == fitted for _, split in fits.asked)
    assert [rung.model is None for rung in rungs] == [False, False, True, False, False, False]
    l1 = {}
    for rung in rungs[:4]:
        assert len(rung.market.windows) == min(len(real.windows), 400)
        assert rung.market.parts is not None
        found = compare(real, rung.market, rng=np.random.default_rng(0))
        l1[rung.name] = found.model.mean_l1
    assert l1["Hawkes"] < l1["state bootstrap"] < l1["Cont-Stoikov-Talreja"] < l1["Poisson"]
