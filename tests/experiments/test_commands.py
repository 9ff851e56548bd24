"""What each command of `rlmm` passes on, prints and leaves behind, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import rich.console  # noqa: F401 -- its import draws from the global generator
from pydantic import BaseModel

from experiments import benchmarks, cli, doctor
from experiments.benchmarks.simulator import shortfall
from experiments.config import CertifyConfig, SimulatorBenchConfig
from experiments.run import RunDirectory


class Result(BaseModel):
    """What `run_certify` gives back."""

    exit_ok: bool
    value: float = 1.5


PRESETS = {name: SimpleNamespace(market=SimpleNamespace(kind="analytic")) for name in ("P1", "P2")}


class Calls:
    """The two modules the command line calls, replaced; and what they were called with."""

    def __init__(self) -> None:
        self.config: Any = None
        self.run: Any = None
        self.action: Callable[[], Any] = lambda: Result(exit_ok=True)

    def run_certify(self, config: CertifyConfig, run: RunDirectory, *, progress: Any) -> Any:
        self.config, self.run = config, run
        progress(1, 2, "half")
        return self.action()

    def bench(self, config: SimulatorBenchConfig) -> dict[str, Any]:
        self.config = config
        return {"steps_per_s_per_core": 1.25e7, "bad": float("nan"), "deep": {"n": 12345}}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    calls = Calls()
    modules: dict[str, dict[str, Any]] = {
        "experiments.certify": {"AGENTS": ("exact", "ppo"), "run_certify": calls.run_certify},
        "experiments.benchmarks.simulator": {"run": calls.bench, "shortfall": shortfall},
        "rlmm_tf.presets": {"PRESETS": PRESETS},
    }
    for name, contents in modules.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    simulator = sys.modules["experiments.benchmarks.simulator"]
    monkeypatch.setattr(benchmarks, "simulator", simulator)
    monkeypatch.chdir(tmp_path)
    return calls


def test_all_bad_input_at_once(
    calls: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_text("confidnce: 0.9\nthreads: many\n")
    arguments = ["certify", "P11", "--agent", "exakt", "--seeds", "0", "--config", "c.yaml"]
    assert cli.main([*arguments, "--set", "root_seed=-1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sorted(err.splitlines()) == [
        "--agent: expected one of exact or ppo, got 'exakt'; did you mean 'exact'?",
        "--seeds: expected at least 1, got 0",
        "--set root_seed=-1: expected at least 0, got -1",
        "SET: expected one of P1 or P2, got 'P11'; did you mean 'P1'?",
        "c.yaml:1: confidnce: expected a known key, got 'confidnce'; did you mean confidence?",
        "c.yaml:2: threads: expected a whole number, got 'many'",
    ]
    assert calls.config is None
    assert not (tmp_path / "runs").exists()


def test_empty_arguments(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["certify", "", "--agent", "", "--seeds", " ", "--set", "threads="]) == 2
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "--agent: expected one of exact or ppo, got ''",
        "--seeds: expected a whole number, got ''",
        "--set threads=: expected a value after '=', got nothing; write null or '' for none",
        "SET: expected one of P1 or P2, got ''",
    ]
    assert cli.main(["bench", "simulator", "--market", ""]) == 2
    assert capsys.readouterr().err == "--market: expected one of analytic, book or replay, got ''\n"


def test_missing_config_file(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["certify", "P1", "--config", "no.yaml"]) == 2
    message = "no.yaml: expected a file, got nothing there; check the path\n"
    assert capsys.readouterr().err == message


# ---- certify


def test_certify_passes_its_arguments(
    calls: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_text("confidence: 0.95\nroot_seed: 7\n")
    arguments = ["certify", "P2", "--agent", "ppo", "--seeds", "3", "--episodes", "1e4"]
    arguments += ["--config", "c.yaml", "--set", "root_seed=8", "--set", "policy_table.n_times=5"]
    assert cli.main([*arguments, "--out", "out"]) == 0
    config = calls.config
    assert (config.set_name, config.agent, config.seeds, config.episodes) == (
        "P2",
        "ppo",
        3,
        10_000,
    )
    assert (config.confidence, config.root_seed, config.policy_table.n_times) == (0.95, 8, 5)
    found = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert found["status"] == "finished"
    assert found["command"] == ["rlmm", *arguments, "--out", "out"]
    assert found["seeds"] == {"root_seed": 8, "n_seeds": 3}
    out, err = capsys.readouterr()
    assert out.endswith("engine agrees; details in out\n")
    assert err == ""


def test_certify_by_default(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["certify", "P1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["exit_ok"] is True
    assert re.fullmatch(r"runs/certify-P1-[0-9a-f]{8}", result["run"])
    assert cli.main(["certify", "P1", "--json"]) == 2
    assert "continue that run with --resume" in capsys.readouterr().err
    assert cli.main(["certify", "P1", "--json", "--resume"]) == 0


def test_a_proof_that_does_not_hold(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.action = lambda: Result(exit_ok=False)
    assert cli.main(["certify", "P1", "--out", "out"]) == 1
    assert capsys.readouterr().out.endswith("engine does NOT agree; details in out\n")


def raising(error: BaseException) -> Callable[[], Any]:
    def action() -> Any:
        raise error

    return action


def test_an_unexpected_error(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.action = raising(RuntimeError("two\nlines"))
    assert cli.main(["certify", "P1", "--out", "out"]) == 1
    assert capsys.readouterr().err == (
        "rlmm failed: RuntimeError: two lines; run directory: out; "
        "run again with --debug for details\n"
    )
    assert json.loads(Path("out/manifest.json").read_text())["status"] == "failed"


@pytest.mark.parametrize("where", ["first", "last"])
def test_debug_shows_the_traceback(
    calls: Calls, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    calls.action = raising(RuntimeError("broken"))
    arguments = ["certify", "P1", "--out", "out"]
    debug = ["--debug", *arguments] if where == "first" else [*arguments, "--debug"]
    assert cli.main(debug) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):")
    assert "rlmm failed: RuntimeError: broken" in err


def test_no_traceback_for_bad_input_unless_asked(
    calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["certify", "P1", "--seeds", "x", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err
    assert cli.main(["certify", "P1", "--seeds", "x"]) == 2
    assert capsys.readouterr().err == "--seeds: expected a whole number, got 'x'\n"


def test_ctrl_c(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.action = raising(KeyboardInterrupt())
    assert cli.main(["certify", "P1", "--out", "out"]) == 130
    assert capsys.readouterr().err == (
        "Interrupted; run the same command with --resume to continue out.\n"
    )
    assert json.loads(Path("out/manifest.json").read_text())["status"] == "interrupted"
    calls.action = lambda: Result(exit_ok=True)
    assert cli.main(["certify", "P1", "--out", "out", "--resume"]) == 0


STUBS = """
import signal, sys, time
from types import ModuleType
# Where the tests run in the background, SIGINT is ignored from birth; at a terminal it is not.
signal.signal(signal.SIGINT, signal.default_int_handler)
def stub(name, **contents):
    sys.modules[name] = ModuleType(name)
    vars(sys.modules[name]).update(contents)
def run_certify(config, run, *, progress):
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    time.sleep(60)
stub("experiments.certify", AGENTS=("exact",), run_certify=run_certify)
stub("rlmm_tf.presets", PRESETS={"P1": None})
from experiments.cli import main
raise SystemExit(main())
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_signals_close_the_run(tmp_path: Path, number: signal.Signals, code: int) -> None:
    command = [sys.executable, "-c", STUBS, "certify", "P1", "--out", "out"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err == "Interrupted; run the same command with --resume to continue out.\n"
    assert json.loads((tmp_path / "out/manifest.json").read_text())["status"] == "interrupted"


# ---- bench and doctor


def test_bench_simulator(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "simulator", "--market", "analytic", "--preset", "P2", "--envs", "8"]
    arguments += ["--steps", "1e3", "--threads", "2", "--repeats", "3"]
    assert cli.main([*arguments, "--json"]) == 0
    assert calls.config == SimulatorBenchConfig(
        market="analytic", preset="P2", envs=8, steps=1000, threads=2, repeats=3
    )
    assert json.loads(capsys.readouterr().out) == {
        "steps_per_s_per_core": 1.25e7,
        "bad": None,
        "deep": {"n": 12345},
    }
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines] == [
        "bench", "steps_per_s_per_core", "bad", "deep.n",
    ]  # fmt: skip


def test_bench_simulator_that_is_too_slow(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "simulator", "--market", "analytic", "--json", "--require"]
    assert cli.main([*arguments, "1.25e7"]) == 0
    assert capsys.readouterr().err == ""
    assert cli.main([*arguments, "1.3e7"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["steps_per_s_per_core"] == 1.25e7
    assert err == (
        "steps_per_s_per_core: expected at least 13,000,000, got 12,500,000; is the machine busy?\n"
    )
    assert cli.main([*arguments, "0"]) == 2
    assert capsys.readouterr().err == "--require: expected above 0, got 0\n"


def test_bench_simulator_bad_input(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "simulator", "--market", "analytc", "--preset", "P3"]) == 2
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "--market: expected one of analytic, book or replay, got 'analytc'; "
        "did you mean 'analytic'?",
        "--preset: expected one of P1 or P2, got 'P3'",
    ]


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_doctor_exit_codes(
    status: doctor.Status,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "run_doctor", lambda: [doctor.Check("x", status, "y", "z")])
    assert cli.main(["doctor"]) == code
    assert "x" in capsys.readouterr().out
    assert cli.main(["doctor", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["ok"] == (code == 0)
