"""The quoting problem: a Brownian mid, Poisson market orders, and depth-dependent fills."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeGuard

import numpy as np
from numpy.typing import NDArray

FillLaw = Literal["exponential", "power"]
Floats = NDArray[np.float64]

# exp(230) = 1e100: above it a fill is instantaneous for any horizon, and products stay finite.
_EXPONENT_MAX = 230.0


def require(condition: bool, name: str, expected: str, got: object, remedy: str = "") -> None:
    """Raise a `ValueError` that names the argument, the expectation, the value and the remedy."""
    if not condition:
        hint = f"; {remedy}" if remedy else ""
        raise ValueError(f"{name}: expected {expected}, got {got!r}{hint}")


def is_number(value: object) -> TypeGuard[float]:
    """A real number, infinite ones included; True, False and NaN are none."""
    plain = isinstance(value, int | float | np.integer | np.floating)
    return plain and not isinstance(value, bool) and value == value  # noqa: PLR0124 - NaN differs


def is_finite(value: object) -> TypeGuard[float]:
    """A finite real number."""
    return is_number(value) and -math.inf < value < math.inf


def require_count(name: str, value: object) -> None:
    """Raise a `ValueError` unless the argument is a whole number of something."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    require(whole and is_number(value) and value >= 1, name, "an integer >= 1", value)


def _are_numbers(values: object, n: int) -> bool:
    """A tuple of n finite numbers >= 0."""
    return (
        isinstance(values, tuple)
        and len(values) == n
        and all(is_finite(v) and v >= 0.0 for v in values)
    )


def stationary_law(switch_rates_hz: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    """Stationary law p of a continuous-time chain: p G = 0, sum p = 1, G = rates - diag(row sums).

    Args:
        switch_rates_hz: off-diagonal switching rates per second, zero diagonal.

    Returns:
        One probability per regime. The chain must have one recurrent class.
    """
    rates = np.asarray(switch_rates_hz, dtype=np.float64)
    n_regimes = rates.shape[0]
    generator = rates - np.diag(rates.sum(axis=1))
    system = np.vstack([generator.T, np.ones(n_regimes)])
    require(
        int(np.linalg.matrix_rank(system)) == n_regimes,
        "switch_rates_hz",
        "a chain with one stationary law",
        switch_rates_hz,
        "connect the regimes or give initial_regime_probabilities yourself",
    )
    target = np.zeros(n_regimes + 1)
    target[-1] = 1.0
    law = np.linalg.lstsq(system, target)[0].clip(min=0.0)
    return tuple(float(p) for p in law / law.sum())


@dataclass(frozen=True)
class QuotingModel:
    """A market maker quoting one lot a side; price units, seconds, tuples one entry per regime.

    dS = sigma_k dW. Market sell (buy) orders arrive at rate `sell_rate_hz[k]` (`buy_rate_hz[k]`)
    and hit a bid (ask) quoted `depth` away from the mid with the fill fraction

        exponential: min(fill_cap, exp(-kappa_k depth))
        power:       min(fill_cap, (1 + kappa_k max(depth, 0))^-fill_power)

    No bid is filled at q = +inventory_cap, no ask at q = -inventory_cap. The market maker maximises

        E[Y]  (risk_aversion = 0)   or the certainty equivalent  -ln E[exp(-gamma Y)] / gamma,
        Y = X_T + q_T S_T - alpha q_T^2 - integral of phi_k q^2 dt.

    Attributes:
        horizon_s: length T of an episode.
        sell_rate_hz: market sell orders per second; they hit our bid.
        buy_rate_hz: market buy orders per second; they lift our ask.
        fill_decay: kappa per price unit.
        volatility: sigma, price units per square root of a second.
        running_penalty: phi, price units per lot^2 per second.
        terminal_penalty: alpha, price units per lot^2.
        inventory_cap: Q, lots.
        switch_rates_hz: rates between regimes, zero diagonal.
        initial_regime_probabilities: law of the regime at time 0; see `stationary_law`.
        risk_aversion: gamma per price unit; 0 is risk-neutral.
        fill_cap: largest fill fraction: 1 where a fraction is a probability, inf in the textbook.
        depth_min: smallest admissible depth; quotes below it are raised to it.
        fill_law: shape of the fill fraction.
        fill_power: exponent of the power law; None for the exponential law.
    """

    horizon_s: float
    sell_rate_hz: tuple[float, ...]
    buy_rate_hz: tuple[float, ...]
    fill_decay: tuple[float, ...]
    volatility: tuple[float, ...]
    running_penalty: tuple[float, ...]
    terminal_penalty: float
    inventory_cap: int
    switch_rates_hz: tuple[tuple[float, ...], ...] = ((0.0,),)
    initial_regime_probabilities: tuple[float, ...] = (1.0,)
    risk_aversion: float = 0.0
    fill_cap: float = math.inf
    depth_min: float = -math.inf
    fill_law: FillLaw = "exponential"
    fill_power: float | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        self._check_regimes()
        self._check_scalars()

    def _check_regimes(self) -> None:
        rates = self.switch_rates_hz
        n_regimes = len(rates) if isinstance(rates, tuple) else 0
        require(
            n_regimes >= 1
            and all(_are_numbers(row, n_regimes) for row in rates)
            and all(rates[k][k] == 0.0 for k in range(n_regimes)),
            "switch_rates_hz",
            "a square tuple of tuples of finite rates >= 0 with a zero diagonal",
            rates,
            "use ((0.0,),) for a single regime",
        )
        remedy = "give one number per regime, e.g. (10.0,) for a single regime"
        for name in ("sell_rate_hz", "buy_rate_hz", "fill_decay", "volatility", "running_penalty"):
            values = getattr(self, name)
            low_open = name == "fill_decay"
            expected = f"a tuple of {n_regimes} finite numbers {'>' if low_open else '>='} 0"
            valid = _are_numbers(values, n_regimes)
            valid = valid and (not low_open or all(v > 0.0 for v in values))
            require(valid, name, expected, values, remedy)
        law = self.initial_regime_probabilities
        require(
            _are_numbers(law, n_regimes) and math.isclose(sum(law), 1.0, abs_tol=1e-9),
            "initial_regime_probabilities",
            f"{n_regimes} probabilities that sum to 1",
            law,
            "use stationary_law(switch_rates_hz)",
        )

    def _check_scalars(self) -> None:
        horizon_s, expected = self.horizon_s, "a finite number > 0"
        require(is_finite(horizon_s) and horizon_s > 0.0, "horizon_s", expected, horizon_s)
        for name in ("terminal_penalty", "risk_aversion"):
            value = getattr(self, name)
            require(is_finite(value) and value >= 0.0, name, "a finite number >= 0", value)
        require_count("inventory_cap", self.inventory_cap)
        cap, floor = self.fill_cap, self.depth_min
        require(is_number(cap) and cap >= 1.0, "fill_cap", "a number >= 1 or inf", cap)
        require(is_number(floor) and floor < math.inf, "depth_min", "a number or -inf", floor)
        law, power = self.fill_law, self.fill_power
        require(law in ("exponential", "power"), "fill_law", "'exponential' or 'power'", law)
        if law == "power":
            valid = is_finite(power) and power > 0.0
            require(valid, "fill_power", "a finite number > 0 with fill_law 'power'", power)
        else:
            require(power is None, "fill_power", "None with fill_law 'exponential'", power)

    @property
    def n_regimes(self) -> int:
        """Number of regimes K."""
        return len(self.switch_rates_hz)

    @property
    def inventories_lots(self) -> NDArray[np.int64]:
        """All inventories -Q..Q."""
        return np.arange(-self.inventory_cap, self.inventory_cap + 1)

    def regime_generator(self) -> Floats:
        """Generator of the regime chain: switching rates minus their row sums, shape (K, K)."""
        rates = np.asarray(self.switch_rates_hz)
        return rates - np.diag(rates.sum(axis=1))

    def without_penalties(self) -> QuotingModel:
        """The same market with Y = X_T + q_T S_T and no risk aversion: its value is mean PnL."""
        return replace(
            self,
            running_penalty=(0.0,) * self.n_regimes,
            terminal_penalty=0.0,
            risk_aversion=0.0,
        )

    def fill_fraction(self, depth: Floats) -> Floats:
        """Fill fraction at `depth`, whose last axis broadcasts to the regime; inf gives 0."""
        fill_decay = np.asarray(self.fill_decay)
        if self.fill_law == "power":
            assert self.fill_power is not None  # checked in __post_init__
            fraction = (1.0 + fill_decay * np.maximum(depth, 0.0)) ** -self.fill_power
        else:
            fraction = np.exp(np.minimum(-fill_decay * depth, _EXPONENT_MAX))
        return np.asarray(np.minimum(fraction, self.fill_cap), dtype=np.float64)

    def useful_depth_min(self) -> Floats:
        """Depth per regime below which an optimal quote never goes: the floor, or where fills cap.

        Below -ln(fill_cap)/kappa (exponential) or 0 (power) a smaller depth buys no more fills.
        """
        if self.fill_law == "power":
            saturation = np.zeros(self.n_regimes)
        else:
            saturation = -np.log(self.fill_cap) / np.asarray(self.fill_decay)
        return np.maximum(saturation + 0.0, self.depth_min)


@dataclass(frozen=True)
class PolicyValue:
    """Value of one policy at time 0 for every starting state.

    Attributes:
        model: the market it was computed in.
        value: price units, shape (2 Q + 1, K); certainty equivalent if the model is risk-averse.
        error: estimated largest error of the time discretisation near q = 0, price units.
    """

    model: QuotingModel
    value: Floats
    error: float = 0.0

    def at(self, inventory_lots: int = 0) -> float:
        """Value from an inventory, with the regime drawn from the model's initial law."""
        cap = self.model.inventory_cap
        require(abs(inventory_lots) <= cap, "inventory_lots", f"within +-{cap}", inventory_lots)
        values = self.value[inventory_lots + cap]
        law = np.asarray(self.model.initial_regime_probabilities)
        gamma = self.model.risk_aversion
        if gamma == 0.0 or len(law) == 1:
            return float(law @ values)
        lowest = float(values.min())
        return lowest - math.log(float(law @ np.exp(-gamma * (values - lowest)))) / gamma


@dataclass(frozen=True)
class QuoteTable:
    """A solved model: value and optimal depths on a uniform time grid.

    Row i is time i T / (rows - 1); +inf in a depth means no quote on that side.

    Attributes:
        model: the market it solves.
        value: shape (rows, 2 Q + 1, K), price units.
        bid_depth: same shape.
        ask_depth: same shape.
    """

    model: QuotingModel
    value: Floats
    bid_depth: Floats
    ask_depth: Floats

    @property
    def start(self) -> PolicyValue:
        """Value of the optimal policy at time 0."""
        return PolicyValue(self.model, self.value[0])
