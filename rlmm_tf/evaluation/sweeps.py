"""Two properties of a market at a time, changed for the whole episode: the cells of a heat map.

Every axis has its levels, of which the first changes nothing; a cell changes both properties at
once. Where both stay as they are, the cell is the market without stress.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rlmm_tf.evaluation.scenarios import Change, Market, Shock, own_scenario
from rlmm_tf.market_parts import GROUPS
from rlmm_tf.messages import did_you_mean
from rlmm_tf.params import EnvParams

BETWEEN = " x "
PREFIX = "sweep "


@dataclass(frozen=True)
class Axis:
    """A property with its levels; the first is what the market has."""

    name: str
    about: str
    levels: tuple[float, ...]
    change: Callable[[Market, float], Change]


@dataclass(frozen=True)
class Cell:
    """A place of a heat map."""

    setting: str  # what its episodes are called in a table
    params: EnvParams
    levels: tuple[float, float]


@dataclass(frozen=True)
class Sweep:
    """A heat map: rows by the first axis, columns by the second."""

    name: str
    axes: tuple[Axis, Axis]

    def setting(self, levels: tuple[float, float]) -> str:
        """What the episodes of a cell are called."""
        parts = [f"{a.name}={level:g}" for a, level in zip(self.axes, levels, strict=True)]
        return PREFIX + BETWEEN.join(parts)

    def cells(self, params: EnvParams) -> list[Cell]:
        """All but the one that changes nothing.

        Raises:
            CannotStressError: an axis does not fit the market; says why.
        """
        market, (rows, columns) = Market.of(params), self.axes
        found = []
        for row in rows.levels:
            for column in columns.levels:
                if (row, column) == (rows.levels[0], columns.levels[0]):
                    continue
                changes = [
                    axis.change(market, level)
                    for axis, level in ((rows, row), (columns, column))
                    if level != axis.levels[0]
                ]
                shocks = _together([shock for change in changes for shock in change.shocks])
                changed = params
                for change in changes:
                    changed = own_scenario(self.name, "", (), change.overrides).applied(changed, 1)
                changed = own_scenario(self.name, "", shocks, {}).applied(changed, 1)
                found.append(Cell(self.setting((row, column)), changed, (row, column)))
        return found


def _together(shocks: Sequence[Shock]) -> list[Shock]:
    """Factors of the same kind multiplied: a market takes one of a kind at a time."""
    found: dict[str, Shock] = {}
    for shock in shocks:
        kind = shock["kind"]
        before = found.get(kind, {"value": 1.0, "by_group": (1.0,) * len(GROUPS)})
        merged = dict(shock)
        merged["value"] = before["value"] * shock["value"]
        if "by_group" in shock:
            pairs = zip(before["by_group"], shock["by_group"], strict=True)
            merged["by_group"] = tuple(a * b for a, b in pairs)
        found[kind] = merged
    return list(found.values())


def _intensity(market: Market, *, markets: float, limits: float, cancels: float) -> Change:
    by_kind = (markets, markets, limits, limits, cancels, cancels)
    return Change([_always(market, "intensity") | {"by_group": by_kind}])


def _always(market: Market, kind: str, value: float = 1.0) -> Shock:
    whole_ns = market.episode_ns + 1
    return {"kind": kind, "start_ns": 0, "duration_ns": whole_ns, "value": value}


def _volatility(market: Market, level: float) -> Change:
    return _intensity(market, markets=level, limits=level**0.5, cancels=level**0.5)


def _liquidity(market: Market, level: float) -> Change:
    thinner = _intensity(market, markets=1.0, limits=level, cancels=1.0)
    return Change([*thinner.shocks, _always(market, "limit_sizes", level)])


def _latency(market: Market, level: float) -> Change:
    return Change([_always(market, "latency", level)])


def _fees(market: Market, level: float) -> Change:
    fees, more = market.params.fees, level * market.book.model.typical.spread_ticks
    return Change(
        overrides={
            "fees": {
                "maker_ticks_per_lot": fees.maker_ticks_per_lot + more,
                "taker_ticks_per_lot": fees.taker_ticks_per_lot + more,
            }
        }
    )


def _arrivals(market: Market, level: float) -> Change:
    return _intensity(market, markets=level, limits=1.0, cancels=1.0)


def _horizon(market: Market, level: float) -> Change:
    steps = max(1, round(level * market.params.episode.n_steps))
    return Change(overrides={"episode": {"n_steps": steps}})


_ALL = (
    Axis(
        "volatility",
        "market orders come so many times as often, the rest by the square root of that",
        (1.0, 2.0, 4.0, 8.0),
        _volatility,
    ),
    Axis(
        "liquidity",
        "limit orders are so many times as many and as large",
        (1.0, 0.6, 0.35, 0.15),
        _liquidity,
    ),
    Axis(
        "latency",
        "feed, entry and response take so many times as long",
        (1.0, 5.0, 25.0, 100.0),
        _latency,
    ),
    Axis("fees", "fees rise by this share of the typical spread", (0.0, 0.1, 0.2, 0.4), _fees),
    Axis("lambda", "market orders come so many times as often", (1.0, 0.5, 2.0, 4.0), _arrivals),
    Axis("horizon", "episodes are so many times as long", (1.0, 0.5, 2.0), _horizon),
)
AXES: Mapping[str, Axis] = {axis.name: axis for axis in _ALL}


def sweep(text: str) -> Sweep:
    """From `first x second`.

    Raises:
        ValueError: it is something else, or there is no such axis.
    """
    names = [name.strip() for name in text.split(BETWEEN)]
    if len(names) != 2 or names[0] == names[1]:
        raise ValueError(
            f"expected two axes such as 'volatility x liquidity', got {text!r}; there are "
            f"{', '.join(AXES)}"
        )
    for name in names:
        if name not in AXES:
            raise ValueError(
                f"expected one of {', '.join(AXES)}, got {name!r}{did_you_mean(name, AXES)}"
            )
    return Sweep(BETWEEN.join(names), (AXES[names[0]], AXES[names[1]]))
