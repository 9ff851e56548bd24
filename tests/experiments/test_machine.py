"""Facts about the machine, read from made-up files."""

from __future__ import annotations

import importlib.metadata
import subprocess
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from experiments import machine
from experiments.machine import Cpu, Dependency, Memory, SourceVersion

CPUINFO = (
    "processor: 0\nmodel name\t: Fast CPU @ 2 GHz\nflags\t\t: fpu avx2 fma sse\n\nprocessor: 1\n"
)
MEMINFO = "MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:    600 kB\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_cpu(tmp_path: Path) -> None:
    found = machine.cpu(write(tmp_path, cpuinfo=CPUINFO))
    assert found.model == "Fast CPU @ 2 GHz"
    assert found.flags == ("avx2", "fma")
    assert 1 <= found.n_usable <= found.n_logical


def test_cpu_without_proc(tmp_path: Path) -> None:
    found = machine.cpu(tmp_path)
    assert isinstance(found, Cpu)
    assert found.model
    assert found.flags == ()


def test_memory(tmp_path: Path) -> None:
    proc = write(tmp_path, meminfo=MEMINFO)
    assert machine.memory(proc, tmp_path / "no") == Memory(1_024_000, 614_400)
    write(tmp_path, memory_max="300000\n", memory_current="100000\n")
    assert machine.memory(proc, tmp_path) == Memory(300_000, 200_000)
    write(tmp_path, memory_max="max\n")
    assert machine.memory(proc, tmp_path) == Memory(1_024_000, 614_400)
    assert machine.memory(tmp_path / "no", tmp_path / "no") == Memory(0, 0)


@pytest.mark.parametrize(
    ("text", "cores"),
    [("150000 100000\n", 1.5), ("max 100000\n", None), ("", None), ("1 0", None)],
)
def test_cpu_quota(tmp_path: Path, text: str, cores: float | None) -> None:
    assert machine.cpu_quota(write(tmp_path, cpu_max=text)) == cores


def test_dependencies_of_the_installed_project() -> None:
    found = machine.declared_dependencies()
    assert "tensorflow" in {dependency.name for dependency in found if not dependency.extra}
    assert {"dev", "live"} <= {dependency.extra for dependency in found}


def test_dependencies_from_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", absent)
    assert machine.declared_dependencies(tmp_path) == []
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["numpy>=2.1", "ray[tune] >=2,<3"]\n'
        '[project.optional-dependencies]\nlive = ["httpx"]\n'
    )
    assert machine.declared_dependencies(tmp_path) == [
        Dependency("numpy", ">=2.1"),
        Dependency("ray", ">=2,<3"),
        Dependency("httpx", "", "live"),
    ]


def test_versions() -> None:
    versions = machine.package_versions()
    assert versions["pydantic"]
    assert list(versions) == sorted(versions, key=str.lower)
    assert machine.version_of("no-such-package-here") is None


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def test_source_version(tmp_path: Path) -> None:
    assert machine.source_version(tmp_path) is None
    git(tmp_path, "init")
    assert machine.source_version(tmp_path) is None  # somebody else's checkout
    (tmp_path / "pyproject.toml").write_text("")
    assert machine.source_version(tmp_path) == SourceVersion(None, is_dirty=True)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    clean = machine.source_version(tmp_path)
    assert clean is not None
    assert clean.commit is not None
    assert len(clean.commit) == 40
    assert not clean.is_dirty
    (tmp_path / "pyproject.toml").write_text("# changed")
    assert machine.source_version(tmp_path) == clean._replace(is_dirty=True)


def test_source_version_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init")
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setenv("PATH", "")
    assert machine.source_version(tmp_path) is None
