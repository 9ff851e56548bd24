"""Every kind of action, worked by hand: what is quoted is read back from the step columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmm_tf.env import action_space, actions_from_quotes
from rlmm_tf.params import ActionParams, EnvParams

QUOTED = ("bid_offset_ticks", "ask_offset_ticks", "bid_lots", "ask_lots")


def quoted(simulation: Any, actions: np.ndarray) -> list[float]:
    """Bid and ask offset, bid and ask lots that one action asks for."""
    simulation.reset()
    step = simulation.step(actions)
    return [step[name][0] for name in QUOTED]


# Offsets reach from -20 to 80: offset = -20 + (action + 1) * 50, halves go to even.
@pytest.mark.parametrize(
    ("action", "offset_ticks"),
    [
        (-1.0, -20),
        (0.0, 30),
        (1.0, 80),
        (0.5, 55),
        (-0.75, -8),  # -20 + 0.25 * 50 = -7.5
        (0.25, 42),  # -20 + 1.25 * 50 = 42.5
        (-0.25, 18),  # -20 + 0.75 * 50 = 17.5
    ],
)
def test_continuous_offsets(
    simulate: Any, still: Callable[..., EnvParams], action: float, offset_ticks: int
) -> None:
    simulation = simulate(still())
    assert quoted(simulation, np.float32([[action, -1.0]])) == [offset_ticks, -20, 1, 1]
    assert quoted(simulation, np.float32([[-1.0, action]])) == [-20, offset_ticks, 1, 1]


# Sizes reach from 2 to 10 lots: size = 2 + (action + 1) * 4, halves go to even.
@pytest.mark.parametrize(
    ("action", "lots"), [(-1.0, 2), (0.0, 6), (1.0, 10), (0.25, 7), (0.125, 6), (0.375, 8)]
)
def test_continuous_sizes(
    simulate: Any, still: Callable[..., EnvParams], action: float, lots: int
) -> None:
    simulation = simulate(still(action={"sizes": True, "lots_min": 2, "lots_max": 10}))
    assert quoted(simulation, np.float32([[0.0, 1.0, action, -1.0]])) == [30, 80, lots, 2]
    assert quoted(simulation, np.float32([[0.0, 1.0, -1.0, action]])) == [30, 80, 2, lots]


def test_continuous_without_sizes_quotes_the_largest(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    simulation = simulate(still(action={"lots_min": 2, "lots_max": 7}))
    assert quoted(simulation, np.float32([[0.0, 0.0]])) == [30, 30, 7, 7]


def test_size_zero_withdraws(simulate: Any, still: Callable[..., EnvParams]) -> None:
    # Sellers come all the time (1000 per second), buyers too; only the ask stands.
    params = still(
        {"market_sell_rate_hz": 1e3, "market_buy_rate_hz": 1e3},
        action={"sizes": True, "lots_min": 0, "lots_max": 4},
    )
    simulation = simulate(params)
    simulation.reset()
    step = simulation.step(np.float32([[0.0, 0.0, -1.0, 1.0]]))
    assert step["bid_lots"][0] == 0
    assert step["fills_maker_lots_bid"][0] == 0
    assert step["market_sells"][0] > 0
    assert step["inventory_lots"][0] == -100  # sold up to the cap


@pytest.mark.parametrize(
    ("row", "offsets", "clipped"),
    [
        ([1.5, 0.0], (80, 30), 1),
        ([0.0, -7.0], (30, -20), 1),
        ([1e30, -1e30], (80, -20), 2),
        ([1.0, -1.0], (80, -20), 0),
        ([np.nextafter(np.float32(1), np.float32(2)), 1.0], (80, 80), 1),
    ],
)
def test_clipped_actions_are_counted(
    simulate: Any,
    still: Callable[..., EnvParams],
    row: list[float],
    offsets: tuple[int, int],
    clipped: int,
) -> None:
    simulation = simulate(still())
    simulation.reset()
    step = simulation.step(np.float32([row]))
    assert (step["bid_offset_ticks"][0], step["ask_offset_ticks"][0]) == offsets
    assert step["actions_clipped"][0] == clipped


# Five choices from -20 to 80 are -20, 5, 30, 55, 80; the action is 5 * bid + ask.
@pytest.mark.parametrize(
    ("action", "offsets"), [(0, (-20, -20)), (4, (-20, 80)), (7, (5, 30)), (24, (80, 80))]
)
def test_discrete(
    simulate: Any, still: Callable[..., EnvParams], action: int, offsets: tuple[int, int]
) -> None:
    simulation = simulate(still(action={"kind": "discrete", "offset_choices": 5}))
    assert quoted(simulation, np.array([action])) == [*offsets, 1, 1]


# With the choice of no quote there are six per side: the action is 6 * bid + ask, 5 is no quote.
@pytest.mark.parametrize(
    ("action", "offsets", "lots"),
    [
        (0, (-20, -20), (3, 3)),
        (5, (-20, 0), (3, 0)),
        (30, (0, -20), (0, 3)),
        (35, (0, 0), (0, 0)),
        (28, (80, 80), (3, 3)),
    ],
)
def test_discrete_with_withdraw_choice(
    simulate: Any,
    still: Callable[..., EnvParams],
    action: int,
    offsets: tuple[int, int],
    lots: tuple[int, int],
) -> None:
    layout = {"kind": "discrete", "offset_choices": 5, "withdraw_choice": True, "lots_max": 3}
    simulation = simulate(still(action=layout))
    assert quoted(simulation, np.array([action])) == [*offsets, *lots]


def test_grid_between_whole_ticks_is_rounded(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    # Four choices from 0 to 100: 0, 33.3, 66.7, 100.
    layout = {
        "kind": "multidiscrete", "offset_choices": 4,
        "offset_min_ticks": 0, "offset_max_ticks": 100,
    }  # fmt: skip
    simulation = simulate(still(action=layout))
    offsets = [quoted(simulation, np.array([[choice, 0]]))[0] for choice in range(4)]
    assert offsets == [0, 33, 67, 100]


def test_multidiscrete_with_sizes(simulate: Any, still: Callable[..., EnvParams]) -> None:
    layout = {
        "kind": "multidiscrete", "offset_choices": 5, "sizes": True, "lots_min": 2, "lots_max": 9,
        "withdraw_choice": True,
    }  # fmt: skip
    simulation = simulate(still(action=layout))
    # Size = 2 + choice.
    assert quoted(simulation, np.array([[1, 3, 0, 7]])) == [5, 55, 2, 9]
    assert quoted(simulation, np.array([[5, 3, 4, 4]])) == [0, 55, 0, 6]


LAYOUTS = [
    {"kind": "continuous"},
    {"kind": "continuous", "sizes": True, "lots_min": 0, "lots_max": 50},
    {"kind": "discrete", "offset_choices": 101},
    {"kind": "discrete", "offset_choices": 101, "withdraw_choice": True},
    {"kind": "multidiscrete", "offset_choices": 101},
    {"kind": "multidiscrete", "offset_choices": 101, "withdraw_choice": True},
    {
        "kind": "multidiscrete", "offset_choices": 101, "sizes": True, "lots_min": 0, "lots_max": 50
    },
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_actions_from_quotes_is_the_inverse(
    simulate: Any, still: Callable[..., EnvParams], layout: dict[str, Any]
) -> None:
    # Every whole offset lies on the grid of 101 choices.
    params = still(action=layout)
    offsets = np.stack([np.arange(-20, 81), np.arange(80, -21, -1)], axis=1).astype(np.float64)
    lots = np.stack([np.arange(101) % 51, (np.arange(101) + 7) % 51], axis=1).astype(np.float64)
    withdraws = bool(layout.get("withdraw_choice"))
    if not layout.get("sizes"):
        lots = np.where(withdraws & (lots < 10), 0.0, params.action.lots_max)
    simulation = simulate(params, n_envs=101)
    simulation.reset()
    step = simulation.step(actions_from_quotes(params.action, offsets, lots))
    shown = np.where(withdraws & (lots == 0), 0.0, offsets)  # without a quote there is no offset
    np.testing.assert_array_equal(step["bid_offset_ticks"], shown[:, 0])
    np.testing.assert_array_equal(step["ask_offset_ticks"], shown[:, 1])
    np.testing.assert_array_equal(step["bid_lots"], lots[:, 0])
    np.testing.assert_array_equal(step["ask_lots"], lots[:, 1])
    assert step["actions_clipped"].sum() == 0


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_any_quotes_become_an_action_of_the_space(
    layout: dict[str, Any], data: st.DataObject
) -> None:
    params = ActionParams(offset_min_ticks=-20, offset_max_ticks=80, **layout)
    numbers = st.floats(-1e6, 1e6)
    offsets = np.array([data.draw(st.tuples(numbers, numbers))])
    lots = data.draw(st.none() | st.tuples(numbers, numbers))
    action = actions_from_quotes(params, offsets, None if lots is None else np.array([lots]))[0]
    assert action_space(params).contains(action)


def test_one_grid_has_the_size_of_its_range() -> None:
    one_size = ActionParams(sizes=True, lots_min=3, lots_max=3)
    assert actions_from_quotes(one_size, np.array([[0.0, 100.0]])).tolist() == [[-1, 1, -1, -1]]


@pytest.mark.parametrize(
    ("offsets", "lots", "message"),
    [
        (np.zeros(2), None, r"offset_ticks: expected shape \(N, 2\), bid and ask, got \(2,\)"),
        (np.zeros((3, 3)), None, r"offset_ticks: expected shape \(N, 2\).* got \(3, 3\)"),
        (np.array([[0, np.nan]]), None, "offset_ticks: expected finite numbers, got nan"),
        (np.zeros((3, 2)), np.zeros((1, 2)), r"lots: expected shape \(3, 2\), got \(1, 2\)"),
        (np.zeros((1, 2)), np.array([[np.inf, 0]]), "lots: expected finite numbers, got inf"),
    ],
)
def test_wrong_quotes(offsets: np.ndarray, lots: np.ndarray | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        actions_from_quotes(ActionParams(), offsets, lots)
