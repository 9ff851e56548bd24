"""What a rule loses by state adds up to what it loses."""

from __future__ import annotations

import numpy as np
import pytest

from rlmm_tf.agents.baselines import DepthRule, ExactOptimum, FixedSpread, InventorySkew
from rlmm_tf.agents.exact.evaluation import evaluate
from rlmm_tf.agents.exact.losses import losses_by_state
from rlmm_tf.agents.exact.model import Floats, QuotingModel
from rlmm_tf.agents.exact.optimum import solve_continuous
from rlmm_tf.agents.exact.problem import played_rule, quoting_model
from rlmm_tf.presets import preset


def model_of(name: str) -> QuotingModel:
    return quoting_model(preset(name))


@pytest.mark.parametrize("name", ["P1", "P6", "R1"])
@pytest.mark.parametrize("rule", [FixedSpread(1.0), InventorySkew(1.1, 0.3)])
def test_losses_add_up_to_what_is_lost(name: str, rule: DepthRule) -> None:
    model = model_of(name)
    rule = played_rule(rule, preset(name))
    best = solve_continuous(model)
    lost = losses_by_state(best, rule)
    assert lost.shape == (2 * model.inventory_cap + 1, model.n_regimes)
    assert lost.min() > -1e-9  # nowhere is the rule better
    expected = best.start.at(0) - evaluate(model, rule, tolerance=1e-8).at(0)
    assert lost.sum() == pytest.approx(expected, rel=2e-4)
    np.testing.assert_allclose(lost, lost[::-1], atol=1e-6)  # bids are the mirror image of asks


def test_the_optimum_loses_nothing_and_no_quote_all_it_could_earn() -> None:
    model = model_of("P1")
    best = solve_continuous(model)
    assert np.abs(losses_by_state(best, ExactOptimum(best))).sum() < 1e-9

    class Withdrawn:
        def depths(self, left: Floats, lots: Floats, regime: object) -> tuple[Floats, Floats]:
            return np.full_like(left, np.inf), np.full_like(left, np.inf)

    lost = losses_by_state(best, Withdrawn())
    assert lost.sum() == pytest.approx(best.start.at(0), rel=1e-6)
    assert lost[model.inventory_cap, 0] == lost.sum()  # it never leaves 0 lots


def test_what_has_no_such_losses_is_refused() -> None:
    with pytest.raises(ValueError, match=r"risk_aversion: expected 0, got 0\.1"):
        losses_by_state(solve_continuous(model_of("CARA-0.1"), 10), FixedSpread(1.0))
    with pytest.raises(ValueError, match="n_steps: expected an even number, got 11"):
        losses_by_state(solve_continuous(model_of("P1"), 11), FixedSpread(1.0))
