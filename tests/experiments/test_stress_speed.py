"""The command that measures a large stress test: what it counts, and what it calls missed."""

from __future__ import annotations

import json

import pytest

from experiments.benchmarks import stress_speed
from rlmm_tf.evaluation.baselines import BASELINES
from rlmm_tf.evaluation.scenarios import SCENARIOS, SEVERITIES

FULL = {
    "seconds": 200.0, "peak_gib": 1.0, "events_least": 5000, "episodes": 200, "settings": 36,
    "policies": 8,
}  # fmt: skip


def test_what_is_asked_for_can_be_played() -> None:
    assert len(BASELINES) == stress_speed.POLICIES_LEAST
    assert len(SCENARIOS) * len(SEVERITIES) == stress_speed.SETTINGS_LEAST


@pytest.mark.parametrize(
    ("name", "value"),
    [("seconds", 300.1), ("peak_gib", 2.1), ("events_least", 4999), ("episodes", 199),
     ("settings", 35), ("policies", 7)],
)  # fmt: skip
def test_each_miss_is_named(name: str, value: float) -> None:
    assert stress_speed.misses(FULL) == []
    (line,) = stress_speed.misses(FULL | {name: value})
    assert line.startswith(f"{name}: expected")


def test_a_small_one_is_played_and_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stress_speed, "BASELINES", ("fixed",))
    monkeypatch.setattr(stress_speed, "WARMUP_NS", 20_000_000_000)
    code = stress_speed.main(["--episodes", "2", "--steps", "30", "--threads", "1", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == 1
    assert (found["policies"], found["settings"], found["episodes"]) == (1, 36, 2)
    assert 0.05 < found["peak_gib"] < 2.0
    assert found["events"] > 0
    assert {line.split(":")[0] for line in found["misses"]} == {
        "events_least", "episodes", "policies"
    }  # fmt: skip
