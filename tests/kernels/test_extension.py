"""An extension that is older than the sources beside it is noticed, with what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rlmm_tf.env import build_info
from rlmm_tf.kernels.extension import interface_sha256, require_fresh

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the engine's sources."""
    shutil.copytree(ROOT / "csrc", tmp_path / "csrc")
    return tmp_path


def test_the_build_and_python_hash_the_same(sources: Path) -> None:
    assert build_info()["interface"] == interface_sha256(ROOT) == interface_sha256(sources)
    require_fresh(build_info()["interface"], sources)


@pytest.mark.parametrize("name", ["csrc/bindings/new.cpp", "csrc/params.h", "csrc/bindings/tape.h"])
def test_other_sources_are_noticed(sources: Path, name: str) -> None:
    with (sources / name).open("a") as file:
        file.write("// more\n")
    with pytest.raises(ImportError, match=r"rlmm_tf\._core: .*other sources.*; run `make setup`"):
        require_fresh(build_info()["interface"], sources)


def test_an_extension_that_says_nothing_is_older() -> None:
    with pytest.raises(ImportError, match="run `make setup`"):
        require_fresh(None, ROOT)


def test_without_sources_there_is_nothing_to_compare(tmp_path: Path) -> None:
    require_fresh("anything", tmp_path)
