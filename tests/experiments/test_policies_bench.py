"""`python -m experiments.benchmarks.policies`: what is timed, and when it fails."""

from __future__ import annotations

import json

import pytest

from experiments.benchmarks import policies

SMALL = ["--envs", "8", "--rounds", "3", "--calls", "1"]
CLOSED_FORMS = [
    "FixedSpread", "Symmetric", "InventorySkew", "CappedInventorySkew", "AvellanedaStoikov",
    "GlftAsymptotic",
]  # fmt: skip
OTHERS = ["ExactOptimum", "RandomDepths", "RegimeLinear"]


def test_every_baseline_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    assert policies.main([*SMALL, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert [*figures["ns_per_env"]] == [*CLOSED_FORMS, *OTHERS]
    assert figures["closed_forms"] == CLOSED_FORMS
    assert min(figures["ns_per_env"].values()) > 0
    assert (figures["envs"], figures["rounds"], figures["calls"]) == (8, 3, 1)


def test_a_slow_closed_form_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Times by name, a fast and two slow rounds; the look-up may take as long as it likes.
    times = {"Symmetric": iter([1.0, 1.0, 21.0, 20.5]), "ExactOptimum": iter([900.0] * 4)}

    def timed(work: policies.Workload, n_calls: int) -> float:
        assert n_calls == 1
        return next(times.get(work.name, iter([5.0])))

    monkeypatch.setattr(policies.Workload, "ns_per_env", timed)
    assert policies.main([*SMALL, "--require", "20"]) == 1
    out, err = capsys.readouterr()
    assert "Symmetric                       20.5   closed form" in out
    assert err == (
        "Symmetric: expected at most 20 ns per environment, got 20.5; is the machine busy?\n"
    )


@pytest.mark.parametrize(("limit", "code"), [("1e9", 0), ("1e-9", 1)])
def test_the_limit_decides(limit: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert policies.main([*SMALL, "--require", limit]) == code
    assert len(capsys.readouterr().err.splitlines()) == code * len(CLOSED_FORMS)


def test_actions_are_what_is_timed() -> None:
    works = policies.workloads(16)
    for work in works:
        actions = work._policy.act(work._observations)
        assert actions.shape == (16, 2)
        assert len({tuple(row) for row in actions.tolist()}) > 1 or work.name == "FixedSpread"


@pytest.mark.parametrize(
    "arguments",
    [["--require", "0"], ["--require", "nan"], ["--require", "inf"], ["--rounds", "0"],
     ["--envs", "x"]],
)  # fmt: skip
def test_bad_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        policies.main(arguments)
    assert caught.value.code == 2
    assert f"argument {arguments[0]}: invalid" in capsys.readouterr().err
