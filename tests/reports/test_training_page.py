"""Training curves: means over seeds with Student's bands, and how many seeds there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from reports.page import render
from reports.page.safety import unsafe
from reports.training_page import SeedRun, Training, learned, training_page
from tests.reports.test_page import HOSTILE, tags_of


def lines(*values: float | None, per_iteration: int = 100) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for i, value in enumerate(values, start=1):
        found.append({"iteration": i, "reward": 0.1 * i})
        found.append(
            {"iteration": i, "steps": i * per_iteration, "value": value, "pnl": i * 2.0,
             "inventory_lots": 1.0, "standard_error": 0.5, "kept": i == 1}
        )  # fmt: skip
    return found


def training(name: str = "ppo on P1") -> Training:
    runs = [
        SeedRun(0, lines(1.0, 2.0, 3.0)),
        SeedRun(1, lines(2.0, 4.0)),
        SeedRun(2, lines(3.0, 9)),
    ]
    return Training(name, runs)


def test_means_over_seeds_as_far_as_all_have_come() -> None:
    found = learned(training(), "value")
    assert found is not None
    np.testing.assert_array_equal(found.steps, [100.0, 200.0])
    np.testing.assert_allclose(found.means, [2.0, 5.0])
    error = np.array([1.0, np.std([2.0, 4.0, 9.0], ddof=1)]) / np.sqrt(3.0)
    assert found.half is not None
    np.testing.assert_allclose(found.half, student.ppf(0.975, 2) * error)


def test_seeds_are_joined_by_the_steps_they_share() -> None:
    runs = [SeedRun(0, lines(1.0, float("nan"), 3.0, 4.0)), SeedRun(1, lines(1.0, 2.0, 5.0, 8.0))]
    found = learned(Training("a", runs), "value")
    assert found is not None
    np.testing.assert_array_equal(found.steps, [100.0, 300.0, 400.0])
    np.testing.assert_allclose(found.means, [1.0, 4.0, 6.0])
    shifted = [SeedRun(0, lines(1.0, 2.0)), SeedRun(1, lines(5.0, 6.0, per_iteration=70))]
    assert learned(Training("a", shifted), "value") is None
    text = render(training_page([Training("a", shifted)], {}))
    assert "Reward: no line of a; its seeds 0, 1 share no step." in text


def test_seeds_without_a_number_are_named_and_not_counted() -> None:
    runs = [SeedRun(7, lines(None, None)), SeedRun(1, lines(1.0, 2.0)), SeedRun(2, lines(3.0, 4.0))]
    found = learned(Training("a", runs), "value")
    assert found is not None
    assert found.seeds == (1, 2)
    text = render(training_page([Training("a", runs)], {}))
    assert "Reward: a is without seed 7, which has no number of it." in text
    assert "a (n = 2)" in text  # of the reward
    assert "a (n = 3)" in text  # of the PnL, which all have


def test_a_seed_that_comes_twice_is_one_seed() -> None:
    runs = [SeedRun(4, lines(1.0, 2.0)), SeedRun(4, lines(1.0, 2.0))]
    found = learned(Training("a", runs), "value")
    assert found is not None
    assert found.half is None
    text = render(training_page([Training("a", runs)], {}))
    assert "a has seed 4 more than once; the first one counts." in text
    assert "a (n = 1)" in text


@pytest.mark.parametrize("value", [10**400, 1e300, True])
def test_numbers_that_cannot_be_drawn_end_in_no_error(value: Any) -> None:
    runs = [SeedRun(seed, lines(value, 1.0)) for seed in (0, 1)]
    render(training_page([Training("a", runs)], {}))


def test_one_seed_has_no_band() -> None:
    found = learned(Training("a", [SeedRun(0, lines(1.0, 2.0))]), "value")
    assert found is not None
    assert found.half is None


def test_iterations_without_an_evaluation_lie_between_its_steps() -> None:
    found = learned(Training("a", [SeedRun(0, lines(1.0, 2.0))]), "reward")
    assert found is not None
    np.testing.assert_array_equal(found.steps, [100.0, 200.0])
    early = learned(Training("a", [SeedRun(0, [{"iteration": 3, "reward": 1.0}])]), "reward")
    assert early is not None
    np.testing.assert_array_equal(early.steps, [3.0])  # nothing says how long an iteration is


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "9"])
def test_what_is_no_number_is_left_out(value: Any) -> None:
    found = learned(Training("a", [SeedRun(0, lines(1.0, value, 3.0))]), "value")
    assert found is not None
    np.testing.assert_array_equal(found.means, [1.0, 3.0])
    assert learned(Training("a", [SeedRun(0, lines(value))]), "value") is None
    assert learned(Training("a", [SeedRun(0, [])]), "value") is None


def test_reward_and_money_side_by_side() -> None:
    page = training_page([training(), Training("sac", [SeedRun(5, lines(1.0))])], {"a": "b"})
    text = render(page)
    tags = tags_of(text).seen
    assert [tag for tag, _ in tags].count("svg") == 4
    assert text.index("Reward: mean of an evaluation") < text.index("PnL: mean of an evaluation")
    assert "ppo on P1 (n = 3)" in text
    assert "sac (n = 1)" in text
    assert [tag for tag, _ in tags].count("polygon") == 4  # one seed has none
    assert text == render(
        training_page([training(), Training("sac", [SeedRun(5, lines(1.0))])], {"a": "b"})
    )


def test_names_never_become_markup() -> None:
    seen = []
    for name in (HOSTILE, "plain"):
        text = render(training_page([training(name)], {name: name}))
        assert unsafe(text) == ""
        seen.append([tag for tag, _ in tags_of(text).seen])
    assert seen[0] == seen[1]


def test_more_trainings_than_looks_are_shown_with_a_sentence() -> None:
    many = [Training(f"t{i}", [SeedRun(0, lines(1.0, 2.0))]) for i in range(29)]
    assert "29 lines are more than the 28 looks" in render(training_page(many, {}))
