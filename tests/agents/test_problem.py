"""From parameters to the solvers' model: what it cannot hold is refused, what it can is right."""

from __future__ import annotations

from typing import Any

import pytest

from rlmm_tf.agents.baselines import FixedSpread
from rlmm_tf.agents.exact.closed_form import solve_closed_form
from rlmm_tf.agents.exact.evaluation import evaluate
from rlmm_tf.agents.exact.problem import quoting_model
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset, resolve_params

DELAY = {"feed": {"median_ns": 1}}
REFUSED: list[tuple[str, str, Any]] = [
    ("P1", "market.market_order_lots", 2),
    ("P1", "market.mid_reversion_hz", 0.5),
    ("P1", "market.taker_allowed", True),
    ("P1", "fees", {"maker_bps": 0.1}),
    ("P1", "latency", DELAY),
    ("P1", "limits.loss_limit", 100.0),
    ("P1", "episode.horizon_ends", "truncated"),
    ("P1", "action.lots_max", 2),
    ("P1", "reward.pnl", 0.5),
    ("P1", "reward.spread_capture", 1.0),
    ("P1", "reward.dampened_pnl", 1.0),
    ("P1", "reward.inventory_linear", 0.1),
    ("P1", "reward.soft_limit", 0.1),
    ("P1", "reward.crossing", 0.1),
    ("P1", "reward.turnover", 0.1),
    ("CARA-0.1", "market.jump_rate_hz", 1.0),
    ("CARA-0.1", "reward.inventory_quadratic", 0.5),
    ("CARA-0.1", "reward.terminal_quadratic", 0.001),
]


def nested(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    found: dict[str, Any] = value
    return found


@pytest.mark.parametrize(("name", "path", "value"), REFUSED)
def test_what_the_model_cannot_hold_is_refused_by_name(name: str, path: str, value: Any) -> None:
    quoting_model(preset(name))
    params = resolve_params(name, nested(path, value))
    with pytest.raises(ValueError, match=rf"^{path}: expected .*, got .*; the exact solvers do"):
        quoting_model(params)


def test_a_liquidation_that_was_not_checked_is_refused() -> None:
    params = preset("P1")
    episode = params.episode.model_copy(update={"liquidate_at_end": True})
    unchecked = params.model_copy(update={"episode": episode})
    with pytest.raises(ValueError, match=r"^episode\.liquidate_at_end: expected False, got True"):
        quoting_model(unchecked)


def test_jumps_are_no_matter_without_a_risk_aversion() -> None:
    jumping = resolve_params("P1", {"market": {"jump_rate_hz": 1.0, "jump_ticks": 10.0}})
    assert quoting_model(jumping) == quoting_model(preset("P1"))


def volatile(exponent: float) -> EnvParams:
    """P1, whose kappa is 1, at twice the reference volatility."""
    ticks = preset("P1").market.regimes[0].volatility_ticks  # type: ignore[union-attr]
    market = {"fill_volatility_exponent": exponent, "volatility_reference_ticks": ticks / 2}
    return resolve_params("P1", {"market": market})


@pytest.mark.parametrize(("exponent", "kappa"), [(1.0, 0.5), (2.0, 0.25), (-1.0, 2.0)])
def test_fills_reach_deeper_in_a_volatile_market(exponent: float, kappa: float) -> None:
    model = quoting_model(volatile(exponent), textbook=True)
    assert model.fill_decay == pytest.approx((kappa,), rel=1e-12)
    calm = quoting_model(preset("P1"), textbook=True)
    # Without penalties, in units of 1/kappa, the market is the same: the value is in proportion.
    free, calm_free = model.without_penalties(), calm.without_penalties()
    value = evaluate(free, FixedSpread(1.0 / kappa)).at()
    assert value == pytest.approx(evaluate(calm_free, FixedSpread(1.0)).at() / kappa, rel=1e-6)
    deeper = solve_closed_form(model).start.at() > solve_closed_form(calm).start.at()
    assert deeper == (kappa < 1.0)
