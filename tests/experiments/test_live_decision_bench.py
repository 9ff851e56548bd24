"""`python -m experiments.benchmarks.live_decision`: what is timed, and when it fails."""

from __future__ import annotations

import json

import pytest

from experiments.benchmarks import live_decision


def test_every_message_leads_to_a_decision(capsys: pytest.CaptureFixture[str]) -> None:
    assert live_decision.main(["--messages", "50", "--require", "1e9"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["messages"] == 50
    assert 0.0 < result["client_us"]["p50"] <= result["client_us"]["p99"]


def test_too_slow_fails() -> None:
    assert live_decision.main(["--messages", "50", "--require", "0"]) == 1
