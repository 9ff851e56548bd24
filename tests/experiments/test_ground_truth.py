"""`python -m experiments.benchmarks.ground_truth`: rows, taking up a table, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rich.console  # noqa: F401 -- its import draws from the global generator

from experiments.benchmarks import ground_truth
from experiments.certify import AGENTS
from experiments.config import CertifyConfig
from rlmm_tf.presets import PRESETS


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[CertifyConfig]:
    """What was computed; `fixed` is the agent on which the engine does not agree."""
    configs: list[CertifyConfig] = []

    def certify(config: CertifyConfig, *, progress: Any) -> Any:
        progress(1.0, 1.0)
        configs.append(config)
        exact = SimpleNamespace(optimum_textbook=3.0, agent=2.0, agent_stepped=1.99)
        simulated = SimpleNamespace(value=1.98, half_width=0.02, episodes=10, note="")
        return SimpleNamespace(exact=exact, simulation=simulated, exit_ok=config.agent != "fixed")

    monkeypatch.setattr(ground_truth, "certify", certify)
    return configs


def test_all_sets(asked: list[CertifyConfig], capsys: pytest.CaptureFixture[str]) -> None:
    solvable = {name for name, params in PRESETS.items() if params.market.kind == "analytic"}
    assert set(ground_truth.AGENTS) == solvable - {"R1-hidden"}
    assert ground_truth.main([]) == 1
    # Three agents each, but no constant quote on P6 and P7.
    assert len(asked) == 3 * len(ground_truth.AGENTS) - 2
    assert {config.agent for config in asked} <= set(AGENTS)
    steps = {(c.set_name, c.agent): c.steps for c in asked if c.steps is not None}
    assert steps.pop(("P7", "exact")) == steps.pop(("R1", "exact")) == 5000
    assert {name for name, _ in steps} == {"CARA-0.5"}
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(asked)
    values = ["3.00000", "2.00000", "1.99000", "1.98000", "±", "0.02000", "yes"]
    assert lines[1].split() == ["P1", "exact", *values]
    assert lines[2].rstrip().endswith("NO")


def test_taking_up_a_table(
    asked: list[CertifyConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "rows.jsonl"
    arguments = ["--sets", "CARA-0.1", "--json", "--out", str(out)]
    assert ground_truth.main(arguments) == 0
    assert capsys.readouterr().out == out.read_text()
    out.write_text(out.read_text()[:-20])  # torn
    assert ground_truth.main(arguments) == 0
    assert [config.agent for config in asked[3:]] == ["glft_asymptotic"]
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert json.loads(out.read_text().splitlines()[-1])["agent"] == "glft_asymptotic"
    assert ground_truth.main([*arguments, "--half-width", "0.1"]) == 0
    assert len(asked) == 7


@pytest.mark.parametrize("arguments", [["--sets", "P9"], ["--half-width", "0"], ["--seeds", "x"]])
def test_bad_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        ground_truth.main(arguments)
    assert error.value.code == 2


def test_a_row() -> None:
    (config, *_) = ground_truth.configurations(["P1"], 0.05, 0.999, 1)
    row = ground_truth.measured(config, lambda *_: None)
    assert row["optimum_textbook"] == pytest.approx(6.38060, abs=5e-6)
    assert row["agrees"]
