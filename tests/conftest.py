"""What every test gets: a guard over global random state, and the folder of recorded data."""

from __future__ import annotations

import os
import random  # noqa: TID251 - the guard watches it
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rich.style  # noqa: F401 - draws from the global generator when it is first imported

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before any test imports TensorFlow

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def no_global_randomness(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that draws from or seeds a generator of the whole process."""
    numpy_before = np.random.get_state(legacy=False)  # noqa: NPY002 - the guard watches it
    python_before = random.getstate()
    yield
    numpy_after = np.random.get_state(legacy=False)  # noqa: NPY002
    touched = [
        name
        for name, same in (
            ("numpy.random", repr_state(numpy_before) == repr_state(numpy_after)),
            ("random", python_before == random.getstate()),
        )
        if not same
    ]
    np.random.set_state(numpy_before)  # noqa: NPY002
    random.setstate(python_before)
    if touched and request.node.get_closest_marker("global_randomness") is None:
        pytest.fail(
            f"the global generator of {' and '.join(touched)} was used; "
            "pass a numpy.random.Generator instead"
        )


def repr_state(state: object) -> object:
    """The state with its array as bytes, so that two states compare with ==."""
    assert isinstance(state, dict)
    inner = state["state"]
    return {**state, "state": {**inner, "key": inner["key"].tobytes()}}


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recorded order books, which the project does not contain."""
    folder = Path(os.environ.get("RLMM_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no recorded market data: set RLMM_DATA to their folder")
    return folder
