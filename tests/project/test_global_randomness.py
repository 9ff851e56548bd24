"""The guard of tests/conftest.py catches what it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("import numpy as np; np.random.seed(3)", "numpy.random"),
        ("import numpy as np; np.random.normal()", "numpy.random"),
        ("import random; random.random()", "random"),
    ],
)
def test_use_of_a_global_generator_fails(pytester: pytest.Pytester, body: str, name: str) -> None:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(f"def test_draws():\n    {body}\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"*the global generator of {name} was used*"])


def test_own_generator_passes(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(
        "import numpy as np\ndef test_draws():\n    np.random.default_rng(3).normal()\n"
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_exception_has_to_be_declared(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makeini("[pytest]\nmarkers =\n    global_randomness(reason): as in pyproject.toml\n")
    pytester.makepyfile(
        "import random, pytest\n"
        "@pytest.mark.global_randomness('a library we compare with draws from it')\n"
        "def test_draws():\n    random.random()\n"
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
