"""Tracked files: nothing that holds on one machine only, and no command that does not exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:work|root|home)/\w")
REGISTRY_HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|deb\.debian\.org|registry\.npmjs\.org|conda\.anaconda\.org"
)
MAKE_COMMAND = re.compile(r"(?:^|`|\$ )make ([a-z][a-z-]*)", re.MULTILINE)


def tracked_files() -> list[Path]:
    """Files git knows or would add."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    """`file:line: text` of every match in a tracked text file."""
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode(errors="ignore")
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), start=1)
            if pattern.search(line)
        ]
    return found


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY_HOST], ids=["path", "registry"])
def test_nothing_names_this_machine_or_a_registry(pattern: re.Pattern[str]) -> None:
    assert lines_matching(pattern) == []


@pytest.mark.parametrize("text", ["/" + "work/main/x", "see /" + "root/a", "'/" + "home/me/b'"])
def test_machine_paths_are_recognised(text: str) -> None:
    assert MACHINE_PATH.search(text)


def test_the_makefile_has_its_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert {"setup", "demo", "test", "lint", "bench"} <= targets
    phony = makefile.partition(".PHONY: ")[2].partition("\n\n")[0].replace("\\\n", " ").split()
    assert set(phony) == targets


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md"])
def test_make_commands_in_the_pages_exist(page: str) -> None:
    path = ROOT / page
    if not path.exists():
        pytest.skip(f"{page} does not exist yet")
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MAKE_COMMAND.findall(path.read_text())) <= targets


def test_lock_pins_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {name.lower() for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    named = {re.split(r"[^\w.-]", line)[0].lower() for group in groups for line in group}
    assert named - pinned == set(), "run `make lock`"


def test_lock_holds_no_gpu_libraries() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.findall(r"^(?:(?:nvidia|cuda)-|triton\b).*", lock, re.MULTILINE)
