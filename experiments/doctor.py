"""`rlmm doctor`: does this machine have what the project needs, and what is there.

The compiled engine and TensorFlow are imported in processes of their own: a library built for
another CPU, or a log line of TensorFlow's, cannot take this program or its output with it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from experiments import machine
from experiments.errors import shown
from experiments.run import RUNS

JSON_SCHEMA_VERSION = 1
MEMORY_NEEDED_BYTES = 4 << 30  # what `rlmm demo` may take
DISK_LOW_BYTES = 5 << 30
DISK_NEEDED_BYTES = 200 << 20

_PROBE_TIMEOUT_S = 180.0
_PROBE_MARK = "rlmm-probe:"  # before the answer, should an import print something too
_REINSTALL = "run `pip install --no-build-isolation -e .` in the repository root"
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
)

ENGINE_PROBE = """
import importlib
core = importlib.import_module("rlmm_tf._core")
answer = dict(core.build_info()) if hasattr(core, "build_info") else {}
"""
TENSORFLOW_PROBE = """
import tensorflow as tf
answer = {"version": tf.__version__, "xla": bool(tf.test.is_built_with_xla())}
answer["gpus"] = [device.name for device in tf.config.list_physical_devices("GPU")]
try:
    from tensorflow.python.util import _pywrap_util_port as port
    answer["onednn"] = bool(port.IsMklEnabled())
except (ImportError, AttributeError):
    answer["onednn"] = None
"""

Status = Literal["ok", "warn", "fail"]
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """One line of the report; `remedy` says what to do unless all is well."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


class ProbeError(RuntimeError):
    """An import that was tried in a process of its own did not succeed."""


Probe = Callable[[str], Facts]


def run_in_subprocess(code: str) -> Facts:
    """Run `code` in a fresh interpreter with the same path; return the dict it calls `answer`.

    Raises:
        ProbeError: with the last line the interpreter wrote, or how it ended.
    """
    program = (
        f"import json, sys\nsys.path[:] = json.loads(sys.argv[1])\n{code}\n"
        f"sys.stdout.write({_PROBE_MARK!r} + json.dumps(answer, default=str) + '\\n')\n"
    )
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, json.dumps(sys.path)],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env={**os.environ, **quiet},
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_PROBE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(f"no answer within {_PROBE_TIMEOUT_S:.0f} s") from None
    if done.returncode < 0:
        raise ProbeError(f"the import ended with signal {-done.returncode}")
    answers = [line for line in done.stdout.splitlines() if line.startswith(_PROBE_MARK)]
    if done.returncode > 0 or not answers:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ProbeError(shown(lines[-1]) if lines else f"exit code {done.returncode}")
    facts: Facts = json.loads(answers[-1].removeprefix(_PROBE_MARK))
    return facts


def run_doctor(results: Path = RUNS, probe: Probe = run_in_subprocess) -> list[Check]:
    """All checks, in the order in which they are shown."""
    return [
        Check("python", "ok", f"{platform.python_version()} ({platform.platform()})"),
        *package_checks(machine.declared_dependencies(), machine.version_of),
        *cpu_checks(machine.cpu(), machine.cpu_quota(), os.environ),
        memory_check(machine.memory()),
        engine_check(probe),
        tensorflow_check(probe),
        results_check(results),
        disk_check(results),
    ]


def is_healthy(checks: Sequence[Check]) -> bool:
    """Whether nothing that is needed is missing."""
    return all(check.status != "fail" for check in checks)


def report_json(checks: Sequence[Check]) -> dict[str, Any]:
    """The report for machines."""
    return {
        "schema_version": JSON_SCHEMA_VERSION,
        "ok": is_healthy(checks),
        "checks": [asdict(check) for check in checks],
    }


def write_report(checks: Sequence[Check]) -> None:
    """The report for people."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    table = Table.grid(padding=(0, 2))
    for check in checks:
        detail = f"{check.detail}\n-> {check.remedy}" if check.remedy else check.detail
        table.add_row(Text(check.status, style=colours[check.status]), check.name, Text(detail))
    console = Console(highlight=False, markup=False)
    console.print(table)
    counts = {s: sum(check.status == s for check in checks) for s in ("fail", "warn")}
    if is_healthy(checks):
        console.print(f"ready; {counts['warn']} warning(s)")
    else:
        console.print(f"not ready: {counts['fail']} failure(s), {counts['warn']} warning(s)")


def package_checks(
    declared: Sequence[machine.Dependency], version_of: Callable[[str], str | None]
) -> Iterator[Check]:
    """One line per package that is needed, one per extra."""
    own = version_of(machine.DISTRIBUTION)
    if own is None:
        yield Check(machine.DISTRIBUTION, "warn", "not installed (run from source)", _REINSTALL)
    else:
        yield Check(machine.DISTRIBUTION, "ok", own)
    for dependency in declared:
        if not dependency.extra:
            yield _package_check(dependency, version_of(dependency.name))
    for extra in dict.fromkeys(dependency.extra for dependency in declared if dependency.extra):
        names = [dependency.name for dependency in declared if dependency.extra == extra]
        absent = [name for name in names if version_of(name) is None]
        detail = "all installed" if not absent else f"optional, without {', '.join(absent)}"
        yield Check(f"extra {extra}", "ok", detail)


def _package_check(dependency: machine.Dependency, version: str | None) -> Check:
    wanted = f"{dependency.name}{dependency.versions}"
    remedy = f"run `pip install '{wanted}'`"
    if version is None:
        return Check(dependency.name, "fail", "not installed", remedy)
    if not _satisfies(version, dependency.versions):
        return Check(dependency.name, "fail", f"{version}, expected {dependency.versions}", remedy)
    return Check(dependency.name, "ok", version)


def _satisfies(version: str, versions: str) -> bool:
    try:
        # Comes with several of the declared packages; without it only presence is checked.
        from packaging.specifiers import SpecifierSet
    except ImportError:
        return True
    return SpecifierSet(versions).contains(version, prereleases=True)


def cpu_checks(
    cpu: machine.Cpu, quota_cores: float | None, environment: Mapping[str, str]
) -> Iterator[Check]:
    """The processor, its vector instructions, and how many threads will be used."""
    yield Check("cpu", "ok", cpu.model)
    flags = ", ".join(cpu.flags) or "none of " + ", ".join(machine.FLAGS_OF_INTEREST)
    if platform.machine() in ("x86_64", "AMD64") and not {"avx2", "fma"} <= set(cpu.flags):
        yield Check(
            "cpu flags", "warn", flags, "training will be slow: use a CPU with AVX2 and FMA"
        )
    else:
        yield Check("cpu flags", "ok", flags)
    detail = f"{cpu.n_usable} of {cpu.n_logical} usable"
    if quota_cores is not None and quota_cores < cpu.n_usable:
        remedy = f"pass --threads {max(1, int(quota_cores))}: more would only be throttled"
        yield Check("cores", "warn", f"{detail}, limited to {quota_cores:g} on average", remedy)
    else:
        yield Check("cores", "ok", detail)
    given = [
        f"{name}={shown(environment[name])}" for name in _THREAD_VARIABLES if name in environment
    ]
    yield Check("threads", "ok", f"{cpu.n_usable} by default" + "".join(f", {g}" for g in given))


def memory_check(memory: machine.Memory) -> Check:
    """Main memory against what the demo may take."""
    if memory.total_bytes == 0:
        return Check(
            "memory", "warn", "unknown", f"make sure that {_gib(MEMORY_NEEDED_BYTES)} are free"
        )
    detail = f"{_gib(memory.available_bytes)} free of {_gib(memory.total_bytes)}"
    if memory.available_bytes < MEMORY_NEEDED_BYTES:
        remedy = f"close programs until {_gib(MEMORY_NEEDED_BYTES)} are free"
        return Check("memory", "warn", detail, remedy)
    return Check("memory", "ok", detail)


def engine_check(probe: Probe) -> Check:
    """The compiled engine."""
    try:
        facts = probe(ENGINE_PROBE)
    except ProbeError as error:
        return Check("engine", "fail", f"rlmm_tf._core: {error}", _REINSTALL)
    detail = ", ".join(f"{key} {value}" for key, value in facts.items()) or "present"
    if facts.get("sanitized") or facts.get("build_type") == "Debug":
        return Check("engine", "warn", detail, f"slow build; {_REINSTALL}")
    return Check("engine", "ok", detail)


def tensorflow_check(probe: Probe) -> Check:
    """TensorFlow, and what its build can do."""
    try:
        facts = probe(TENSORFLOW_PROBE)
    except ProbeError as error:
        return Check("tensorflow build", "fail", str(error), _REINSTALL)
    words = {True: "yes", False: "no", None: "unknown"}
    gpus = ", ".join(facts["gpus"]) or "none"
    detail = ", ".join(
        [
            facts["version"],
            f"oneDNN {words[facts['onednn']]}",
            f"XLA {words[facts['xla']]}",
            f"GPUs {gpus}",
        ]
    )
    return Check("tensorflow build", "ok", detail)


def results_check(results: Path) -> Check:
    """Whether a run can write its results; leaves nothing behind."""
    folder = _nearest_existing(results)
    name = shown(f"{results}/")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"cannot write: {error.strerror}"
        return Check(
            "results folder", "fail", f"{name} {reason}", "start from a folder you may write to"
        )
    return Check("results folder", "ok", f"{name} writable")


def disk_check(results: Path) -> Check:
    """Free space where the results go."""
    free_bytes = shutil.disk_usage(_nearest_existing(results)).free
    detail = f"{_gib(free_bytes)} free for {shown(f'{results}/')}"
    if free_bytes < DISK_NEEDED_BYTES:
        return Check("disk", "fail", detail, f"free at least {_gib(DISK_NEEDED_BYTES)}")
    if free_bytes < DISK_LOW_BYTES:
        return Check("disk", "warn", detail, f"long runs may need {_gib(DISK_LOW_BYTES)}")
    return Check("disk", "ok", detail)


def _nearest_existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB"
