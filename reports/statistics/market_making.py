"""What a market maker's episodes say: one function a metric, its formula in the docstring.

Money is in account currency, spreads and markouts in ticks, inventories in lots. Ratios are of
sums over all episodes, not means of ratios, so that long and busy episodes count for what they are.
What cannot be said (nothing traded, nothing quoted) is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.evaluation.episodes import HORIZONS, EpisodeMetadata, Episodes

Number = float | None
TAIL_LEAST = 20  # episodes that have a worst 5 %


def pnl(episodes: Episodes, metadata: EpisodeMetadata) -> NDArray[np.float64]:
    """Of each episode, currency: pnl_x2 / 2 x tick_value."""
    return 0.5 * metadata.tick_value * episodes["pnl_x2"].astype(np.float64)


def mean_pnl(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Mean PnL of an episode, currency."""
    return float(pnl(episodes, metadata).mean())


def pnl_deviation(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Standard deviation of an episode's PnL, currency; ddof 1."""
    values = pnl(episodes, metadata)
    return float(values.std(ddof=1)) if len(values) > 1 else None


def mean_reward(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Mean sum of an episode's rewards."""
    return float(episodes["reward"].mean())


def value_at_risk(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """95 % VaR of an episode, currency: minus the empirical 5 % quantile of its PnL.

    The smallest PnL that at least 5 % of the episodes do not exceed; None of fewer than 20.
    """
    if len(episodes) < TAIL_LEAST:
        return None
    return 0.0 - _lower_quantile(pnl(episodes, metadata), 0.05)


def expected_shortfall(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """95 % ES of an episode, currency: minus the mean PnL of the worst 5 %; None below 20."""
    if len(episodes) < TAIL_LEAST:
        return None
    values = np.sort(pnl(episodes, metadata))
    return 0.0 - float(values[: math.ceil(0.05 * len(values))].mean())


def max_drawdown(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Largest fall of wealth from a peak within an episode, currency; of all episodes."""
    return 0.5 * metadata.tick_value * float(episodes["drawdown_x2"].max())


def spread_share(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Mean PnL that comes from the distance of fills to the mid, currency."""
    return _mean_money(episodes, metadata, "pnl_spread_x2")


def inventory_share(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Mean PnL that the mid's moves did to the position, currency."""
    return _mean_money(episodes, metadata, "pnl_inventory_x2")


def fee_share(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Mean PnL of fees and rebates, currency; negative: paid."""
    return _mean_money(episodes, metadata, "pnl_fees_x2")


def traded_lots(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Turnover: mean lots traded in an episode, as maker or taker."""
    return float(_traded(episodes).mean())


def fill_ratio(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Lots filled as a maker / lots asked for, both summed over decisions and sides."""
    quoted = episodes["quoted_bid_lots"].sum() + episodes["quoted_ask_lots"].sum()
    return _ratio(_maker(episodes).sum(), quoted)


def maker_share(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Lots filled as a maker / lots traded."""
    return _ratio(_maker(episodes).sum(), _traded(episodes).sum())


def quoted_spread(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Mean of ask less bid asked for, ticks, over decisions that ask for both sides."""
    return _ratio(episodes["quoted_spread_ticks"].sum(), episodes["two_sided_steps"].sum())


def effective_spread(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """2 x spread PnL / lots traded, ticks: what a fill was away from the mid, doubled."""
    return _ratio(episodes["pnl_spread_x2"].sum(), _traded(episodes).sum())


def spread_capture(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Effective spread / the market's mean spread: 1 is all that a fill at the touch can earn."""
    steps = episodes["steps"].sum()
    market = _ratio(episodes["market_spread_ticks"].sum(), steps)
    effective = effective_spread(episodes, metadata)
    return None if not market or effective is None else effective / market


def markout(horizon: str) -> Callable[[Episodes, EpisodeMetadata], Number]:
    """The metric at one horizon."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """Mean of side x (mid so much later - price) of fills, ticks: what they were worth."""
        half = 0.5 * episodes[f"markout_{horizon}_x2"].sum()
        return _ratio(half, episodes[f"markout_lots_{horizon}"].sum())

    return of


def adverse_selection(horizon: str) -> Callable[[Episodes, EpisodeMetadata], Number]:
    """The metric at one horizon."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """1 - markout / half effective spread: the share that the market took back."""
        effective = effective_spread(episodes, metadata)
        after = markout(horizon)(episodes, metadata)
        return None if not effective or after is None else 1.0 - after / (0.5 * effective)

    return of


def inventory_mean(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Mean position at the ends of steps, lots; long is positive."""
    return _ratio(episodes["inventory_sum"].sum(), episodes["steps"].sum())


def inventory_deviation(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Standard deviation of the position at the ends of steps, lots."""
    steps = episodes["steps"].sum()
    mean = episodes["inventory_sum"].sum() / steps
    return math.sqrt(max(0.0, episodes["inventory_squares"].sum() / steps - mean**2))


def inventory_size(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Size of the position, lots, averaged over simulated time."""
    return _ratio(episodes["inventory_lots_s"].sum(), episodes["duration_ns"].sum() / 1e9)


def inventory_max(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Largest size of the position at the end of a step, lots; of all episodes."""
    return float(episodes["inventory_max_lots"].max())


def inventory_half_life_s(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """-ln 2 / ln(rho) x step, seconds; rho = sum q(t) q(t-1) / sum q(t-1)^2, in all episodes.

    None where there is no position, or where it does not go back to 0 (rho outside (0, 1)).
    """
    squares = episodes["inventory_squares"].sum() - (episodes["inventory_end_lots"] ** 2).sum()
    if squares <= 0:
        return None
    rho = episodes["inventory_products"].sum() / squares
    if not 0.0 < rho < 1.0:
        return None
    return -math.log(2.0) / math.log(rho) * metadata.step_ns / 1e9


def order_to_trade(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Messages sent / lots traded."""
    return _ratio(episodes["messages"].sum(), _traded(episodes).sum())


def terminated_share(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Share of episodes that the loss limit ended before their horizon."""
    return float(episodes["terminated"].mean())


@dataclass(frozen=True)
class Metric:
    """A number about a policy's episodes."""

    name: str
    unit: str
    of: Callable[[Episodes, EpisodeMetadata], Number]

    @property
    def formula(self) -> str:
        """In a sentence."""
        return " ".join((self.of.__doc__ or "").split())


def _metrics() -> tuple[Metric, ...]:
    plain = (
        ("mean PnL", "currency", mean_pnl),
        ("PnL standard deviation", "currency", pnl_deviation),
        ("mean reward", "", mean_reward),
        ("VaR 95 %", "currency", value_at_risk),
        ("ES 95 %", "currency", expected_shortfall),
        ("max drawdown", "currency", max_drawdown),
        ("PnL of spread", "currency", spread_share),
        ("PnL of inventory", "currency", inventory_share),
        ("PnL of fees", "currency", fee_share),
        ("traded", "lots", traded_lots),
        ("fill ratio", "", fill_ratio),
        ("maker share", "", maker_share),
        ("quoted spread", "ticks", quoted_spread),
        ("effective spread", "ticks", effective_spread),
        ("spread capture", "", spread_capture),
        ("inventory mean", "lots", inventory_mean),
        ("inventory deviation", "lots", inventory_deviation),
        ("inventory size over time", "lots", inventory_size),
        ("inventory maximum", "lots", inventory_max),
        ("inventory half-life", "s", inventory_half_life_s),
        ("messages per traded lot", "", order_to_trade),
        ("ended by the loss limit", "", terminated_share),
    )
    found = [Metric(*row) for row in plain]
    for horizon in HORIZONS:
        found.append(Metric(f"markout {horizon}", "ticks", markout(horizon)))
        found.append(Metric(f"adverse selection {horizon}", "", adverse_selection(horizon)))
    return tuple(found)


METRICS = _metrics()


def metrics_of(episodes: Episodes, metadata: EpisodeMetadata) -> Mapping[str, Number]:
    """Every metric by its name."""
    return {metric.name: metric.of(episodes, metadata) for metric in METRICS}


def _maker(episodes: Episodes) -> NDArray[np.int64]:
    return np.asarray(episodes["maker_bid_lots"] + episodes["maker_ask_lots"])


def _traded(episodes: Episodes) -> NDArray[np.int64]:
    return np.asarray(_maker(episodes) + episodes["taker_lots"])


def _ratio(above: float, below: float) -> Number:
    return float(above) / float(below) if below > 0 else None


def _mean_money(episodes: Episodes, metadata: EpisodeMetadata, name: str) -> float:
    return 0.5 * metadata.tick_value * float(episodes[name].mean())


def _lower_quantile(values: NDArray[np.float64], share: float) -> float:
    """The smallest value that at least this share of all do not exceed."""
    return float(np.sort(values)[math.ceil(share * len(values)) - 1])
