"""Gymnasium spaces of a market-making problem, and the way from quotes to actions."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlmm_tf.features import ObservationLayout
from rlmm_tf.messages import require_type
from rlmm_tf.params import ActionParams


def observation_space(layout: ObservationLayout) -> spaces.Space[NDArray[np.float32]]:
    """The box of one normalised observation row."""
    low = np.array([column.low for column in layout.columns], dtype=np.float32)
    high = np.array([column.high for column in layout.columns], dtype=np.float32)
    box: Any = spaces.Box(low, high, dtype=np.float32)
    return cast("spaces.Space[NDArray[np.float32]]", box)


def action_width(params: ActionParams) -> int:
    """Numbers in one environment's action; 1 for the discrete kind."""
    _require_action_params(params)
    if params.kind == "discrete":
        return 1
    return 4 if params.sizes else 2


def action_choices(params: ActionParams) -> tuple[int, ...] | None:
    """How many choices each number has; None for continuous actions."""
    _require_action_params(params)
    if params.kind == "continuous":
        return None
    side = params.offset_choices + int(params.withdraw_choice)
    if params.kind == "discrete":
        return (side * side,)
    sizes = (params.lots_max - params.lots_min + 1,) * 2 if params.sizes else ()
    return (side, side, *sizes)


def action_space(params: ActionParams) -> spaces.Space[Any]:
    """The space of one environment's action."""
    choices = action_choices(params)
    if choices is None:
        return spaces.Box(-1.0, 1.0, shape=(action_width(params),), dtype=np.float32)
    if params.kind == "discrete":
        return spaces.Discrete(choices[0])
    return spaces.MultiDiscrete(list(choices))


def actions_from_quotes(
    params: ActionParams,
    offset_ticks: NDArray[np.float64],
    lots: NDArray[np.float64] | None = None,
) -> NDArray[np.float32] | NDArray[np.int64]:
    """The actions that come closest to the wanted quotes.

    Args:
        params: how actions are laid out.
        offset_ticks: (N, 2), bid and ask distance from the mid; clipped to the action's range.
        lots: (N, 2), clipped to the action's range; default the largest. Where the action sets no
            sizes only 0 counts: no quote, if there is a choice for that.
    """
    _require_action_params(params)
    offsets = _pairs("offset_ticks", offset_ticks)
    wanted_lots = np.full(offsets.shape, float(params.lots_max))
    if lots is not None:
        wanted_lots = _pairs("lots", lots)
        if wanted_lots.shape != offsets.shape:
            raise ValueError(f"lots: expected shape {offsets.shape}, got {wanted_lots.shape}")
    sizes = np.clip(wanted_lots, params.lots_min, params.lots_max)
    low, high = params.offset_min_ticks, params.offset_max_ticks
    share = (np.clip(offsets, low, high) - low) / (high - low)
    if params.kind == "continuous":
        parts = [2.0 * share - 1.0]
        if params.sizes:
            span = max(1, params.lots_max - params.lots_min)
            parts.append(2.0 * (sizes - params.lots_min) / span - 1.0)
        return np.concatenate(parts, axis=1).astype(np.float32)
    choice = np.rint(share * (params.offset_choices - 1)).astype(np.int64)
    if params.withdraw_choice:
        choice[wanted_lots == 0] = params.offset_choices  # it comes after the grid
    if params.kind == "discrete":
        side = params.offset_choices + int(params.withdraw_choice)
        discrete: NDArray[np.int64] = choice[:, 0] * side + choice[:, 1]
        return discrete
    if params.sizes:
        choice = np.concatenate([choice, np.rint(sizes).astype(np.int64) - params.lots_min], axis=1)
    return np.ascontiguousarray(choice)


def _require_action_params(params: ActionParams) -> None:
    require_type("params", params, ActionParams, "pass the `action` of the problem's EnvParams")


def _pairs(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    pairs = np.asarray(values, dtype=np.float64)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"{name}: expected shape (N, 2), bid and ask, got {pairs.shape}")
    if not np.isfinite(pairs).all():
        raise ValueError(f"{name}: expected finite numbers, got {pairs[~np.isfinite(pairs)][0]}")
    return pairs
