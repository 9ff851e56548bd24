"""`rlmm doctor`: each finding, with its remedy, from made-up facts."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rich.console  # noqa: F401 -- its import draws from the global generator

from experiments import doctor
from experiments.doctor import Check, ProbeError
from experiments.errors import shown
from experiments.machine import Cpu, Dependency, Memory

REINSTALL = "run `pip install --no-build-isolation -e .` in the repository root"
GOOD_TF = {"version": "2.21.0", "xla": True, "onednn": None, "gpus": []}


def answering(**facts: Any) -> doctor.Probe:
    return lambda code: facts


def refusing(message: str) -> doctor.Probe:
    def probe(code: str) -> doctor.Facts:
        raise ProbeError(message)

    return probe


def installed(**versions: str) -> Callable[[str], str | None]:
    return lambda name: versions.get(name.replace("-", "_"))


def test_packages() -> None:
    declared = [
        Dependency("numpy", ">=2.1"),
        Dependency("pandas", ">=3"),
        Dependency("scipy", ">=1.16"),
        Dependency("httpx", "", "live"),
        Dependency("uvicorn", "", "live"),
    ]
    found = list(doctor.package_checks(declared, installed(numpy="2.4", pandas="2.3", httpx="1")))
    assert found == [
        Check("rlmm-tf", "warn", "not installed (run from source)", REINSTALL),
        Check("numpy", "ok", "2.4"),
        Check("pandas", "fail", "2.3, expected >=3", "run `pip install 'pandas>=3'`"),
        Check("scipy", "fail", "not installed", "run `pip install 'scipy>=1.16'`"),
        Check("extra live", "ok", "optional, without uvicorn"),
    ]
    found = list(doctor.package_checks(declared[3:4], installed(rlmm_tf="0.1", httpx="1")))
    assert found == [Check("rlmm-tf", "ok", "0.1"), Check("extra live", "ok", "all installed")]


def test_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    fast = Cpu("Fast", ("avx2", "fma"), 8, 4)
    assert list(doctor.cpu_checks(fast, None, {"OMP_NUM_THREADS": "2"})) == [
        Check("cpu", "ok", "Fast"),
        Check("cpu flags", "ok", "avx2, fma"),
        Check("cores", "ok", "4 of 8 usable"),
        Check("threads", "ok", "4 by default, OMP_NUM_THREADS=2"),
    ]
    old = Cpu("Old", (), 8, 8)
    _, flags, cores, _ = doctor.cpu_checks(old, 1.5, {})
    remedy = "training will be slow: use a CPU with AVX2 and FMA"
    assert flags == Check("cpu flags", "warn", "none of avx2, fma, avx512f", remedy)
    remedy = "pass --threads 1: more would only be throttled"
    assert cores == Check("cores", "warn", "8 of 8 usable, limited to 1.5 on average", remedy)


def test_memory() -> None:
    gib = 1 << 30
    assert doctor.memory_check(Memory(16 * gib, 8 * gib)) == Check(
        "memory", "ok", "8.0 GiB free of 16.0 GiB"
    )
    assert doctor.memory_check(Memory(16 * gib, 2 * gib)) == Check(
        "memory", "warn", "2.0 GiB free of 16.0 GiB", "close programs until 4.0 GiB are free"
    )
    assert doctor.memory_check(Memory(0, 0)).status == "warn"


def test_engine() -> None:
    good = answering(compiler="GNU 12", build_type="Release", sanitized=False)
    detail = "compiler GNU 12, build_type Release, sanitized False"
    assert doctor.engine_check(good) == Check("engine", "ok", detail)
    assert doctor.engine_check(answering()) == Check("engine", "ok", "present")
    assert doctor.engine_check(answering(build_type="Debug")) == Check(
        "engine", "warn", "build_type Debug", f"slow build; {REINSTALL}"
    )
    assert doctor.engine_check(refusing("No module named 'rlmm_tf._core'")) == Check(
        "engine", "fail", "rlmm_tf._core: No module named 'rlmm_tf._core'", REINSTALL
    )


def test_tensorflow() -> None:
    assert doctor.tensorflow_check(answering(**GOOD_TF)) == Check(
        "tensorflow build", "ok", "2.21.0, oneDNN unknown, XLA yes, GPUs none"
    )
    gpu = GOOD_TF | {"gpus": ["a", "b"], "onednn": True, "xla": False}
    assert (
        doctor.tensorflow_check(answering(**gpu)).detail == "2.21.0, oneDNN yes, XLA no, GPUs a, b"
    )
    assert doctor.tensorflow_check(refusing("no tensorflow")) == Check(
        "tensorflow build", "fail", "no tensorflow", REINSTALL
    )


def test_results_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    results = tmp_path / "runs"
    assert doctor.results_check(results) == Check(
        "results folder", "ok", shown(f"{results}/") + " writable"
    )
    assert list(tmp_path.iterdir()) == []


def test_results_folder_that_cannot_be_written(tmp_path: Path) -> None:
    results = tmp_path / "runs"
    results.write_text("a file")
    found = doctor.results_check(results)
    assert found.status == "fail"
    assert "cannot write: Not a directory" in found.detail
    assert found.remedy == "start from a folder you may write to"


@pytest.mark.parametrize(("free_gib", "status"), [(50.0, "ok"), (1.0, "warn"), (0.1, "fail")])
def test_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_gib: float, status: str
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=int(free_gib * 2**30))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    found = doctor.disk_check(tmp_path / "runs")
    assert found.status == status
    assert found.detail.startswith(f"{free_gib:.1f} GiB free for ")
    assert bool(found.remedy) == (status != "ok")


def test_every_bad_finding_has_a_remedy_and_decides(tmp_path: Path) -> None:
    checks = doctor.run_doctor(tmp_path / "runs", refusing("broken"))
    assert not doctor.is_healthy(checks)
    assert all(check.remedy for check in checks if check.status != "ok")
    report = doctor.report_json(checks)
    assert report["schema_version"] == 1
    assert report["ok"] is False
    assert {"name", "status", "detail", "remedy"} == set(report["checks"][0])
    names = [check["name"] for check in report["checks"]]
    assert len(names) == len(set(names))


def test_report_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.write_report([Check("a", "ok", "[bold]1[/]"), Check("b", "warn", "2", "do this")])
    assert capsys.readouterr().out.split("\n")[-2:] == ["ready; 1 warning(s)", ""]
    doctor.write_report([Check("b", "fail", "2", "do this")])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["fail  b  2", "         -> do this", "not ready: 1 failure(s), 0 warning(s)"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import no_such_module_here",
            "ModuleNotFoundError: No module named 'no_such_module_here'",
        ),
        ("import os; os.kill(os.getpid(), 4)", "the import ended with signal 4"),
        ("import os; os._exit(3)", "exit code 3"),
        ("import os; os._exit(0)", "exit code 0"),
    ],
)
def test_probe_survives(code: str, message: str) -> None:
    with pytest.raises(ProbeError) as caught:
        doctor.run_in_subprocess(code)
    assert str(caught.value) == message


def test_probe_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    code = "print('noise'); sys.stderr.write('more'); answer = {'a': [1]}"
    assert doctor.run_in_subprocess(code) == {"a": [1]}
    assert capfd.readouterr() == ("", "")


def test_probe_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PROBE_TIMEOUT_S", 0.2)
    with pytest.raises(ProbeError, match="no answer within 0 s"):
        doctor.run_in_subprocess("import time; time.sleep(60)")
