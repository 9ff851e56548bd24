"""The hidden price is found again by what it does to prices and trades."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from calibration.estimators.informed_flow import SIGN_SHRINK, fit_informed_flow
from calibration.price_path import PricePath, simulated_path
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_parts import InformedFlowParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.recording import record_windows
from tests.calibration.simulated_tables import thin_opening

PARAMS = resolve_params("book-small-tick")
BURN_NS = 60 * NS_PER_S
TRUE = InformedFlowParams(
    volatility_ticks=2.0,
    gap_scale_ticks=10.0,
    market_tilt=0.8,
    limit_tilt=0.4,
    sign_shrink=SIGN_SHRINK,
)


def paths(informed: InformedFlowParams, seed: int, n: int) -> Sequence[PricePath]:
    model = PARAMS.market.model.model_copy(update={"informed": informed})
    params = PARAMS.model_copy(update={"market": PARAMS.market.model_copy(update={"model": model})})
    windows = record_windows(
        params,
        [thin_opening()] * n,
        seed=seed,
        messages=10**9,
        duration_ns=660 * NS_PER_S,
        levels=1,
    )
    return [simulated_path(window, BURN_NS) for window in windows]


@cache
def fitted() -> object:
    return fit_informed_flow(
        paths(TRUE, 17, 40), lambda informed: paths(informed, 3, 60), gap_scale_ticks=10.0
    )


def test_the_parameters_are_found_again() -> None:
    fit = fitted()
    for estimate, true in (
        (fit.volatility_ticks, TRUE.volatility_ticks),
        (fit.market_tilt, TRUE.market_tilt),
        (fit.limit_tilt, TRUE.limit_tilt),
    ):
        assert abs(estimate.value - true) < 3.0 * estimate.standard_error
        assert estimate.standard_error < 0.25 * true
    assert fit.converged
    assert not fit.cautions


def test_informed_flow_explains_what_the_rest_cannot() -> None:
    fit = fitted()
    assert fit.distance < 2.0
    assert fit.distance_without > 20.0 * fit.distance
    by_name = {moment.name: moment for moment in fit.moments}
    still = by_name["still_60"]
    assert abs(still.simulated - still.recorded) < 4.0 * still.standard_error
    assert still.without < 0.5 * still.recorded


def test_the_same_data_give_the_same_fit() -> None:
    few = [paths(TRUE, 17, 8) for _ in range(2)]
    first, second = (
        fit_informed_flow(each, lambda informed: paths(informed, 3, 4), gap_scale_ticks=10.0)
        for each in few
    )
    assert first == second


def test_too_few_orders_leave_the_model_without_informed_flow() -> None:
    recorded = paths(TRUE, 17, 2)
    fit = fit_informed_flow(recorded, lambda informed: recorded, gap_scale_ticks=10.0)
    assert fit.params == InformedFlowParams()
    assert fit.volatility_ticks.origin == "borrowed"
    (caution,) = fit.cautions
    assert caution.code == "too_little_data"
    assert "2" in caution.text


def test_a_market_that_runs_away_is_told() -> None:
    def never(informed: InformedFlowParams) -> Sequence[PricePath]:
        raise ValueError("events: the flow runs away")

    def only_without(informed: InformedFlowParams) -> Sequence[PricePath]:
        return never(informed) if informed.volatility_ticks > 2.5 else paths(informed, 3, 20)

    recorded = paths(TRUE, 17, 20)
    fit = fit_informed_flow(recorded, never, gap_scale_ticks=10.0)
    assert fit.params == InformedFlowParams()
    assert [caution.code for caution in fit.cautions] == ["not_simulated"]
    assert "the flow runs away" in fit.cautions[0].text
    near = fit_informed_flow(recorded, only_without, gap_scale_ticks=10.0)
    assert 0.0 < near.params.volatility_ticks <= 2.5


def test_a_market_without_informed_flow_is_given_none() -> None:
    none = paths(InformedFlowParams(), 17, 40)
    fit = fit_informed_flow(none, lambda informed: paths(informed, 3, 60), gap_scale_ticks=10.0)
    assert fit.params == InformedFlowParams()
    assert fit.market_tilt.value == 0.0
    assert [caution.code for caution in fit.cautions] == ["no_informed_flow"]
    assert fit.distance_without < 3.0
