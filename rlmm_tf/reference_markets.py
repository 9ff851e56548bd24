"""The literature's order books as special cases of the market model, by parameters alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import (
    GROUPS,
    GroupParams,
    InformedFlowParams,
    LimitMarks,
    LimitPlaceParams,
    MarketOrderParams,
    SizeLaw,
    TypicalParams,
)
from rlmm_tf.market_presets import Kind, large_tick, symmetric

DISTANCES_MAX = 64  # one spread bin each


def cont_stoikov_talreja(
    lambda_by_distance: Sequence[float], theta: float, mu: float, *, order_lots: int = 1
) -> MarketModel:
    """Cont, Stoikov & Talreja (2010): independent Poisson flows of orders of one size.

    Exact while the spread is at most as many ticks as there are distances.

    Args:
        lambda_by_distance: limit orders per second and side, 1, 2, ... ticks from the best price
            of the other side.
        theta: cancels per second and order.
        mu: market orders per second and side.
        order_lots: size of every order.
    """
    n = len(lambda_by_distance)
    if not 1 <= n <= DISTANCES_MAX:
        raise ValueError(f"lambda_by_distance: expected 1 to {DISTANCES_MAX} rates, got {n}")
    if not lambda_by_distance[-1] > 0.0:
        raise ValueError(
            "lambda_by_distance: expected a last rate above 0 (it fills the levels that come into "
            f"reach), got {lambda_by_distance[-1]!r}"
        )
    if not theta > 0.0:
        raise ValueError(f"theta: expected above 0, got {theta!r}")
    total = math.fsum(lambda_by_distance)
    shares = [rate / total for rate in lambda_by_distance]
    groups, _ = symmetric((Kind(mu), Kind(total), Kind(theta)))
    # At spread s, k ticks better than the own best is s - k from the other side; resting is s + r.
    marks = tuple(
        LimitMarks(
            improving=tuple(reversed(shares[: s - 1])),
            resting=(*shares[s - 1 :], *(0.0,) * (s - 1)),
        )
        for s in range(1, n + 1)
    )
    mean = lambda_by_distance[-1] / theta
    touch_orders = max(1.0, lambda_by_distance[0] / (theta + mu))
    size = SizeLaw(lots=(order_lots,))
    return MarketModel(
        spread_bin_ticks=tuple(range(1, n + 1)),
        groups=groups,
        limit_marks=marks,
        improving=LimitPlaceParams(sizes=size),
        joining=LimitPlaceParams(sizes=size),
        deeper=LimitPlaceParams(sizes=size),
        market_orders=MarketOrderParams(sizes=size),
        far_level_orders=_poisson_law(mean),
        typical=TypicalParams(touch_lots=order_lots * touch_orders, market_orders_hz=mu),
    )


def _poisson_law(mean: float) -> tuple[float, ...]:
    """Probabilities of 0, 1, ... up to 64, made to sum to 1."""
    logs = [k * math.log(mean) - math.lgamma(k + 1.0) for k in range(65)]
    weights = [math.exp(value - max(logs)) for value in logs]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def poisson(
    market_hz: float = 1.0, limit_hz: float = 10.0, cancel_hz: float = 0.2, depth_ticks: int = 10
) -> MarketModel:
    """Smith, Farmer, Gillemot & Krishnamurthy (2003): orders fall evenly on a range of prices.

    Args:
        market_hz: market orders per second and side.
        limit_hz: limit orders per second and side, over all prices.
        cancel_hz: cancels per second and order.
        depth_ticks: how far from the other side's best price limit orders fall.
    """
    return cont_stoikov_talreja((limit_hz / depth_ticks,) * depth_ticks, cancel_hz, market_hz)


def hawkes(model: MarketModel | None = None) -> MarketModel:
    """What is left of a market model when only events excite events (Bacry & Muzy 2014).

    Baselines, kernels and marks stay; book state, regimes, seasons and informed flow go.
    """
    model = large_tick() if model is None else model
    groups = tuple(GroupParams(baseline_hz=group.baseline_hz) for group in model.groups)
    return _without_outside(model, groups, model.decays_hz, model.excitation)


def queue_reactive(
    model: MarketModel | None = None, *, orders_at_risk: float | None = None
) -> MarketModel:
    """What is left of it when only the book drives the flow (Huang, Lehalle & Rosenbaum 2015).

    Kernels, regimes, seasons and informed flow go; baselines rise to the rates that the kernels
    brought on average, rates = (1 - kernels)^-1 baselines.

    Args:
        model: `large_tick()` by default.
        orders_at_risk: by which its cancels per order are counted; one side's hazards.
    """
    at_risk = orders_at_risk
    if model is None:
        model, at_risk = large_tick(), 900.0 if at_risk is None else at_risk
    counted = np.ones(len(GROUPS))
    if model.cancels.per_order and at_risk is not None:
        counted[4:] = at_risk
    elif model.cancels.per_order and model.decays_hz:
        raise ValueError("orders_at_risk: expected a number with cancels per order, got None")
    shape = (len(model.decays_hz), len(GROUPS), len(GROUPS))
    kernels = np.reshape(model.excitation, shape).sum(axis=0) * counted[:, np.newaxis]
    baselines = np.array([group.baseline_hz for group in model.groups]) * counted
    # Both ways round: what is symmetric stays so to the last bit.
    swap = [1, 0, 3, 2, 5, 4]
    system = np.eye(len(GROUPS)) - kernels
    mirrored = np.linalg.solve(system[np.ix_(swap, swap)], baselines[swap])[swap]
    rates = 0.5 * (np.linalg.solve(system, baselines) + mirrored) / counted
    groups = tuple(
        GroupParams(baseline_hz=float(rate), state_factor=group.state_factor)
        for rate, group in zip(rates, model.groups, strict=True)
    )
    return _without_outside(model, groups, (), ())


def _without_outside(
    model: MarketModel,
    groups: tuple[GroupParams, ...],
    decays_hz: tuple[float, ...],
    excitation: tuple[float, ...],
) -> MarketModel:
    return MarketModel(
        spread_bin_ticks=model.spread_bin_ticks,
        imbalance_bin_edges=model.imbalance_bin_edges,
        groups=groups,
        decays_hz=decays_hz,
        excitation=excitation,
        limit_marks=model.limit_marks,
        improving=model.improving,
        joining=model.joining,
        deeper=model.deeper,
        market_orders=model.market_orders,
        cancels=model.cancels,
        far_level_orders=model.far_level_orders,
        informed=InformedFlowParams(),
        typical=model.typical,
    )
