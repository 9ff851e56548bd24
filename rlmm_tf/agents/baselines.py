"""Quoting rules that need no learning, and the adaptor that lets them play an environment.

Depths are distances from the mid in price units, positive outward; +inf means no quote. Inventory
is positive when long, so a positive skew quotes a deeper bid and a closer ask when long.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.exact.closed_form import (
    asymptotic_coefficients,
    avellaneda_stoikov_coefficients,
)
from rlmm_tf.agents.exact.model import Floats, QuoteTable, QuotingModel, is_finite, require

Regimes = NDArray[np.int64]
Depths = tuple[Floats, Floats]


class DepthRule(Protocol):
    """A deterministic (or seeded) quoting rule."""

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Bid and ask depth, price units; all arrays share one shape.

        Args:
            time_left_s: seconds to the end of the episode.
            inventory_lots: signed inventory.
            regime: index of the current regime, None where it is not observed.
        """
        ...


@dataclass(frozen=True)
class AffineDepths:
    """Coefficients of bid, ask = clip(half +- skew q), half and skew affine in the time left."""

    half_spread: float
    half_spread_per_s: float = 0.0
    skew_per_lot: float = 0.0
    skew_per_lot_s: float = 0.0
    depth_min: float = -math.inf
    depth_max: float = math.inf


class AffineRule(ABC):
    """A dataclass of finite numbers: what `affine` declares, `DepthPolicy` runs in a few passes."""

    def __post_init__(self) -> None:
        """Check every field."""
        for name, value in vars(self).items():
            require(is_finite(value), name, "a finite number", value)

    @property
    @abstractmethod
    def affine(self) -> AffineDepths:
        """The rule's coefficients."""

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Bid, ask = clip(half +- skew q); the regime is ignored."""
        del regime
        rule = self.affine
        half = rule.half_spread + rule.half_spread_per_s * time_left_s
        skew = (rule.skew_per_lot + rule.skew_per_lot_s * time_left_s) * inventory_lots
        bid = np.clip(half + skew, rule.depth_min, rule.depth_max)
        ask = np.clip(half - skew, rule.depth_min, rule.depth_max)
        return bid, ask


@dataclass(frozen=True)
class FixedSpread(AffineRule):
    """bid = ask = d at all times."""

    half_spread: float

    @property
    def affine(self) -> AffineDepths:
        """Constant half spread."""
        return AffineDepths(self.half_spread)


@dataclass(frozen=True)
class Symmetric(AffineRule):
    """Avellaneda-Stoikov's optimal spread centred on the mid instead of the reservation price.

    bid = ask = ln(1 + gamma/kappa)/gamma + gamma sigma^2 (T - t)/2; the comparison strategy of
    Avellaneda & Stoikov (2008), section 3.3. `risk_variance` is gamma sigma^2.
    """

    half_spread_end: float
    risk_variance: float

    @classmethod
    def from_model(cls, model: QuotingModel) -> Self:
        """Rule for a one-regime, risk-averse model."""
        return cls(*avellaneda_stoikov_coefficients(model))

    @property
    def affine(self) -> AffineDepths:
        """Half spread shrinking with time, no skew."""
        return AffineDepths(self.half_spread_end, 0.5 * self.risk_variance)


@dataclass(frozen=True)
class AvellanedaStoikov(Symmetric):
    """The same spread around the reservation price r = S - q gamma sigma^2 tau, tau = T - t.

    ask + bid depth = gamma sigma^2 tau + (2/gamma) ln(1 + gamma/kappa); from the mid,
    bid, ask = ln(1 + gamma/kappa)/gamma + gamma sigma^2 tau (1 +- 2 q)/2.
    Avellaneda & Stoikov (2008), eqs. 29 and 30.
    """

    @property
    def affine(self) -> AffineDepths:
        """Half spread and skew shrinking with time."""
        return replace(super().affine, skew_per_lot_s=self.risk_variance)


@dataclass(frozen=True)
class InventorySkew(AffineRule):
    """bid = d + s q, ask = d - s q."""

    half_spread: float
    skew_per_lot: float

    @property
    def affine(self) -> AffineDepths:
        """Constant half spread and skew."""
        return AffineDepths(self.half_spread, skew_per_lot=self.skew_per_lot)


@dataclass(frozen=True)
class CappedInventorySkew(InventorySkew):
    """bid, ask = clip(d +- s q, depth_min, depth_max)."""

    depth_min: float
    depth_max: float

    def __post_init__(self) -> None:
        """Check the bounds as well."""
        super().__post_init__()
        low, high = self.depth_min, self.depth_max
        require(low <= high, "depth_min", f"at most depth_max {high}", low)

    @property
    def affine(self) -> AffineDepths:
        """Constant half spread and skew, clipped."""
        return replace(super().affine, depth_min=self.depth_min, depth_max=self.depth_max)


@dataclass(frozen=True)
class GlftAsymptotic(InventorySkew):
    """Far from the end: bid, ask = base + (1 +- 2 q)/2 c; see `asymptotic_coefficients`.

    Gueant, Lehalle & Fernandez-Tapia (2013), section 3.2.
    """

    @classmethod
    def from_model(cls, model: QuotingModel) -> Self:
        """Rule for a one-regime model with equal arrival rates and some inventory risk."""
        return cls(*asymptotic_coefficients(model))


@dataclass(frozen=True)
class RegimeLinear:
    """bid, ask = d_k +- s_k q in regime k; with more than one, needs the regime."""

    half_spread: tuple[float, ...]
    skew_per_lot: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the lengths."""
        for name in ("half_spread", "skew_per_lot"):
            values = getattr(self, name)
            valid = isinstance(values, tuple) and all(map(is_finite, values))
            require(valid, name, "a tuple of finite numbers, one per regime", values)
        n_regimes, n_skews = len(self.half_spread), len(self.skew_per_lot)
        require(n_regimes == n_skews > 0, "skew_per_lot", f"{n_regimes} numbers (> 0)", n_skews)

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Linear quotes of the current regime."""
        del time_left_s
        known = _known_regime(regime, len(self.half_spread))
        half = np.asarray(self.half_spread)[known]
        skew = np.asarray(self.skew_per_lot)[known] * inventory_lots
        return half + skew, half - skew


@dataclass(frozen=True)
class RandomDepths:
    """Independent uniform depths in [depth_low, depth_high): the floor for any agent."""

    depth_low: float
    depth_high: float
    generator: np.random.Generator

    def __post_init__(self) -> None:
        """Check the range and what draws from it."""
        low, high, draws = self.depth_low, self.depth_high, self.generator
        require(is_finite(low), "depth_low", "a finite number", low)
        above = f"a finite number of at least depth_low {low}"
        require(is_finite(high) and low <= high, "depth_high", above, high)
        remedy = "numpy.random.default_rng(seed) makes one"
        known = isinstance(draws, np.random.Generator)
        require(known, "generator", "a numpy.random.Generator", draws, remedy)

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Draw both sides anew at every call."""
        del inventory_lots, regime
        shape = (2, *np.shape(time_left_s))
        draws = self.generator.uniform(self.depth_low, self.depth_high, shape)
        return draws[0], draws[1]


class ExactOptimum:
    """Looks the optimal quote up in a solved table, linear in time between its rows.

    Linear and not floor: a float32 time left can fall a rounding error short of its grid point,
    where floor would return the neighbouring row; on grid points both agree, and between them
    linear is second-order accurate. Inventory is rounded and clipped to the table's cap.
    """

    def __init__(self, table: QuoteTable) -> None:
        """Take the depths of `table`; +inf (no quote) is kept apart so that it never mixes."""
        self.table = table
        sides = (table.bid_depth, table.ask_depth)
        self._finite = [np.where(np.isinf(depth), 0.0, depth) for depth in sides]
        self._no_quote = [np.asarray(np.isinf(depth).any(axis=0)) for depth in sides]

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Interpolated optimal depths."""
        model = self.table.model
        n_steps = len(self.table.value) - 1
        known = _known_regime(regime, model.n_regimes)
        elapsed = (model.horizon_s - np.asarray(time_left_s)) * (n_steps / model.horizon_s)
        elapsed = np.clip(elapsed, 0.0, n_steps)
        row = np.minimum(elapsed.astype(np.int64), n_steps - 1)
        weight = elapsed - row
        cap = model.inventory_cap
        column = np.clip(np.rint(inventory_lots), -cap, cap).astype(np.int64) + cap
        bid, ask = (
            np.where(
                no_quote[column, known],
                np.inf,
                (1.0 - weight) * depth[row, column, known] + weight * depth[row + 1, column, known],
            )
            for depth, no_quote in zip(self._finite, self._no_quote, strict=True)
        )
        return bid, ask


def _known_regime(regime: Regimes | None, n_regimes: int) -> Regimes | int:
    """The regime array, 0 where there is one regime only; a refusal where it is not observed."""
    if n_regimes == 1:
        return 0
    if regime is None:
        raise ValueError(f"regime: expected indices below {n_regimes}, got None; observe it")
    return regime


@dataclass(frozen=True)
class ObservationReading:
    """Where a rule finds its inputs in a normalised observation; seconds = value * scale, etc."""

    time_left_column: int
    time_left_scale_s: float
    inventory_column: int
    inventory_scale_lots: float
    regime_columns: tuple[int, ...] = ()

    @property
    def n_columns_min(self) -> int:
        """Fewest columns an observation must have."""
        return 1 + max(self.time_left_column, self.inventory_column, *self.regime_columns)


@dataclass(frozen=True)
class ActionWriting:
    """How depths become actions: [offset_min, offset_max] (price units) maps onto [-1, 1].

    With four columns the last two, bid and ask size, are filled with `lots_action`.
    """

    offset_min: float
    offset_max: float
    n_actions: int = 2
    lots_action: float = 1.0

    def __post_init__(self) -> None:
        """Check the box."""
        low, high = self.offset_min, self.offset_max
        require(-math.inf < low < high < math.inf, "offset_min", f"less than {high}, finite", low)
        require(self.n_actions in (2, 4), "n_actions", "2 or 4", self.n_actions)
        lots = self.lots_action
        require(-1.0 <= lots <= 1.0, "lots_action", "a number in [-1, 1]", lots)


class DepthPolicy:
    """Plays a `DepthRule` on batches of normalised observations.

    action = clip(2 (depth - offset_min) / (offset_max - offset_min) - 1, -1, 1): a depth of +inf
    becomes the farthest offset, for a continuous action has no "no quote". A NaN observation gives
    a NaN action.
    """

    def __init__(
        self, rule: DepthRule, *, observation: ObservationReading, action: ActionWriting
    ) -> None:
        """Fold both normalisations into the coefficients of an affine rule."""
        self.rule = rule
        self.observation = observation
        self.action = action
        self._gain = 2.0 / (action.offset_max - action.offset_min)
        self._bias = -self._gain * action.offset_min - 1.0
        self._folded = self._fold(rule.affine) if isinstance(rule, AffineRule) else None
        self._buffers = np.empty((3, 0), dtype=np.float32)

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Actions (N, n_actions) for observations (N, n_features), both float32."""
        self._check(observations)
        n_envs = len(observations)
        actions = np.empty((n_envs, self.action.n_actions), dtype=np.float32)
        if self._folded is None:
            self._act_general(observations, actions)
        else:
            self._act_affine(self._folded, observations, actions)
        for column in range(2, self.action.n_actions):  # column by column: twice as fast as a block
            actions[:, column] = self.action.lots_action
        return actions

    def _check(self, observations: object) -> None:
        if not isinstance(observations, np.ndarray) or observations.dtype != np.float32:
            got = getattr(observations, "dtype", type(observations).__name__)
            message = f"expected a float32 array, got {got}; use .astype(np.float32)"
            raise ValueError(f"observations: {message}")
        n_columns, shape = self.observation.n_columns_min, observations.shape
        if observations.ndim != 2 or shape[1] < n_columns:
            message = f"expected shape (N, >= {n_columns}), got {shape}; pass a batch of rows"
            raise ValueError(f"observations: {message}")

    def _fold(self, rule: AffineDepths) -> AffineDepths:
        """The rule in units of the observation's columns and the action's box."""
        gain, bias, reading = self._gain, self._bias, self.observation
        lots, seconds = reading.inventory_scale_lots, reading.time_left_scale_s
        bounds = (gain * bound + bias for bound in (rule.depth_min, rule.depth_max))
        low, high = (min(1.0, max(-1.0, bound)) for bound in bounds)
        return AffineDepths(
            gain * rule.half_spread + bias,
            gain * rule.half_spread_per_s * seconds,
            gain * rule.skew_per_lot * lots,
            gain * rule.skew_per_lot_s * lots * seconds,
            low,
            high,
        )

    def _act_affine(
        self, rule: AffineDepths, observations: NDArray[np.float32], actions: NDArray[np.float32]
    ) -> None:
        """In-place float32 passes over buffers that live as long as the batch size does."""
        if self._buffers.shape[1] != len(observations):
            self._buffers = np.empty((3, len(observations)), dtype=np.float32)
        half, skew, side = self._buffers
        time_left = observations[:, self.observation.time_left_column]
        inventory = observations[:, self.observation.inventory_column]
        if rule.half_spread_per_s:
            np.multiply(time_left, rule.half_spread_per_s, out=half)
            half += rule.half_spread
        else:
            half.fill(rule.half_spread)
        if rule.skew_per_lot_s:
            np.multiply(time_left, rule.skew_per_lot_s, out=side)
            side += rule.skew_per_lot
            np.multiply(inventory, side, out=skew)
        else:
            np.multiply(inventory, rule.skew_per_lot, out=skew)
        for column, combine in enumerate((np.add, np.subtract)):
            combine(half, skew, out=side)
            np.maximum(side, rule.depth_min, out=side)
            np.minimum(side, rule.depth_max, out=actions[:, column])

    def _act_general(self, observations: NDArray[np.float32], actions: NDArray[np.float32]) -> None:
        reading = self.observation
        time_left = observations[:, reading.time_left_column].astype(np.float64)
        inventory = observations[:, reading.inventory_column].astype(np.float64)
        regime = None
        if reading.regime_columns:
            regime = observations[:, list(reading.regime_columns)].argmax(axis=1)
        time_left *= reading.time_left_scale_s
        inventory *= reading.inventory_scale_lots
        for column, depth in enumerate(self.rule.depths(time_left, inventory, regime)):
            actions[:, column] = np.clip(self._gain * depth + self._bias, -1.0, 1.0)
