"""The import rules of ARCHITECTURE.md: complete, kept, and able to catch a violation."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["rlmm_tf", "calibration", "experiments", "reports"]
TENSORFLOW_RULE = "TensorFlow only under rlmm_tf.agents"
# Violation: file, line appended to it, the broken contract's name.
PLANTED = [
    ("rlmm_tf/params.py", "import reports", "Packages"),
    ("reports/__init__.py", "import calibration", "Packages"),
    ("calibration/__init__.py", "import experiments", "Packages"),
    ("rlmm_tf/params.py", "def f():\n    import tensorflow", TENSORFLOW_RULE),
    ("reports/__init__.py", "import rlmm_tf.agents.planted", TENSORFLOW_RULE),
    ("rlmm_tf/unlisted.py", "", "Inside rlmm_tf"),
]


# An editable install finds our packages before sys.path does; here the copy has to be found.
LINT_THE_COPY = """
import sys
sys.meta_path = [f for f in sys.meta_path if not type(f).__name__.startswith("ScikitBuild")]
sys.path.insert(0, ".")
from importlinter.cli import lint_imports_command
lint_imports_command()
"""


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", LINT_THE_COPY],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def project_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python sources alone, with a module in `agents` that imports TensorFlow."""
    folder = tmp_path_factory.mktemp("project")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    shutil.copy(ROOT / "pyproject.toml", folder)
    agents = folder / "rlmm_tf" / "agents"
    agents.mkdir(exist_ok=True)
    (agents / "__init__.py").touch()
    (agents / "planted.py").write_text("import tensorflow\n")
    return folder


def test_rules_are_kept(project_copy: Path) -> None:
    result = lint_imports(project_copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED)
def test_planted_violation_is_caught(
    project_copy: Path, file: str, line: str, contract: str
) -> None:
    path = project_copy / file
    original = path.read_text() if path.exists() else None
    path.write_text(f"{original or ''}\n{line}\n")
    try:
        result = lint_imports(project_copy)
    finally:
        path.unlink() if original is None else path.write_text(original)
    assert result.returncode == 1, result.stdout
    assert f"{contract} BROKEN" in result.stdout


def test_every_part_is_under_the_tensorflow_rule() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    rule = next(c for c in contracts["contracts"] if c["name"] == TENSORFLOW_RULE)
    parts = {
        path.stem
        for path in (ROOT / "rlmm_tf").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    expected = {f"rlmm_tf.{part}" for part in parts - {"__init__", "agents", "training"}}
    assert set(rule["source_modules"]) == expected | {"calibration", "reports"}
