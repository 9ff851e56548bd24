"""Facts about this machine and this installation, for `rlmm doctor` and the run manifest.

Nothing here imports the packages it reports on, and nothing here names the user or the host.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import tomllib
from pathlib import Path
from typing import NamedTuple

DISTRIBUTION = "rlmm-tf"
FLAGS_OF_INTEREST = ("avx2", "fma", "avx512f")
PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
PROJECT_ROOT = Path(__file__).resolve().parent.parent

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*?)\s*(?:;\s*(.*))?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


class Dependency(NamedTuple):
    """A declared dependency; `extra` is empty for those that are always needed."""

    name: str
    versions: str
    extra: str = ""


class Cpu(NamedTuple):
    """The processor; `flags` are those of `FLAGS_OF_INTEREST` that it has."""

    model: str
    flags: tuple[str, ...]
    n_logical: int
    n_usable: int


class Memory(NamedTuple):
    """Main memory in bytes, the limit of a container included; 0 where it is not known."""

    total_bytes: int
    available_bytes: int


class SourceVersion(NamedTuple):
    """The commit this runs from (None before the first), and whether files differ from it."""

    commit: str | None
    is_dirty: bool


def declared_dependencies(root: Path = PROJECT_ROOT) -> list[Dependency]:
    """What the installed distribution declares, or the checkout's pyproject.toml without one."""
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        lines = _pyproject_dependencies(root / "pyproject.toml")
    return [_dependency(line) for line in lines]


def _pyproject_dependencies(path: Path) -> list[str]:
    if not path.is_file():
        return []
    project = tomllib.loads(path.read_text("utf-8")).get("project", {})
    lines: list[str] = list(project.get("dependencies", []))
    for extra, names in project.get("optional-dependencies", {}).items():
        lines += [f"{line} ; extra == '{extra}'" for line in names]
    return lines


def _dependency(line: str) -> Dependency:
    match = _REQUIREMENT.fullmatch(line)
    if match is None:
        return Dependency(line, "")
    extra = _EXTRA.search(match[3] or "")
    return Dependency(match[1], match[2].strip("() "), extra[1] if extra else "")


def version_of(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def package_versions() -> dict[str, str]:
    """Installed versions of this project and everything it declares, by name."""
    names = {DISTRIBUTION, *(dependency.name for dependency in declared_dependencies())}
    found = {name: version_of(name) for name in sorted(names, key=str.lower)}
    return {name: version for name, version in found.items() if version is not None}


def cpu(proc: Path = PROC) -> Cpu:
    """The processor of this machine."""
    text = _text_of(proc / "cpuinfo")
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    present = set(flags[1].split()) if flags else set()
    n_logical = os.cpu_count() or 1
    has_affinity = hasattr(os, "sched_getaffinity")
    return Cpu(
        model=model[1] if model else platform.processor() or platform.machine() or "unknown",
        flags=tuple(flag for flag in FLAGS_OF_INTEREST if flag in present),
        n_logical=n_logical,
        n_usable=len(os.sched_getaffinity(0)) if has_affinity else n_logical,
    )


def cpu_quota(cgroup: Path = CGROUP) -> float | None:
    """How many cores a container may use on average, or None without a limit."""
    quota, _, period_us = _text_of(cgroup / "cpu.max").strip().partition(" ")
    if not quota.isdigit() or not period_us.isdigit() or int(period_us) == 0:
        return None
    return int(quota) / int(period_us)


def memory(proc: Path = PROC, cgroup: Path = CGROUP) -> Memory:
    """Main memory, cut to the limit of the container if there is one."""
    text = _text_of(proc / "meminfo")
    sizes = {key: int(kib) * 1024 for key, kib in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.M)}
    total, available = sizes.get("MemTotal", 0), sizes.get("MemAvailable", 0)
    limit, used = (_text_of(cgroup / f"memory.{name}").strip() for name in ("max", "current"))
    if limit.isdigit():
        total = min(total, int(limit)) if total else int(limit)
        left = max(0, int(limit) - (int(used) if used.isdigit() else 0))
        available = min(available, left) if available else left
    return Memory(total, available)


def source_version(root: Path = PROJECT_ROOT) -> SourceVersion | None:
    """The commit of the project's own checkout; None when it is installed without one."""
    if not (root / ".git").exists() or not (root / "pyproject.toml").is_file():
        return None
    status = _git(root, "status", "--porcelain", "--untracked-files=normal")
    if status is None:
        return None
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    return SourceVersion(commit.strip() or None if commit else None, bool(status.strip()))


def _git(root: Path, *arguments: str) -> str | None:
    # Without optional locks, looking does not touch the index under another git process.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            check=False,
            env=environment,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
