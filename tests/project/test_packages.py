"""The four top-level packages are ours, light to import, and say one version."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rlmm_tf

ROOT = Path(__file__).parents[2]
PACKAGES = ["rlmm_tf", "calibration", "experiments", "reports"]
OWN_DISTRIBUTION = "rlmm-tf"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_installs_our_name(package: str) -> None:
    # `reports`, for one, is also the name of a stranger's package.
    owners = importlib.metadata.packages_distributions().get(package, [])
    assert {owner.lower().replace("_", "-") for owner in owners} <= {OWN_DISTRIBUTION}


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_imported_from_this_project(package: str) -> None:
    origin = importlib.import_module(package).__file__
    assert origin is not None, f"{package} is a namespace package: its __init__.py is missing"
    beside_rlmm_tf = Path(str(rlmm_tf.__file__)).parents[1]  # the wheel's case
    assert Path(origin).parents[1] in {ROOT, beside_rlmm_tf}


@pytest.mark.parametrize("module", [*PACKAGES, "experiments.cli"])
def test_import_loads_no_tensorflow(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} does not exist yet")
    heavy = "{'tensorflow', 'tensorflow_probability', 'keras', 'tf_keras', 'torch'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == rlmm_tf.__version__
    assert importlib.metadata.version(OWN_DISTRIBUTION) == rlmm_tf.__version__
