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

from reports.statistics import tails
from rlmm_tf.evaluation.episodes import HORIZONS, QUEUES, EpisodeMetadata, Episodes
from rlmm_tf.fields import NS_PER_S

Number = float | None
Measure = Callable[[Episodes, EpisodeMetadata], Number]


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


def value_at_risk(level: float) -> Measure:
    """The metric at one level."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """VaR of an episode, currency: minus the lower quantile of its PnL, interpolated.

        None of fewer than 1 / (1 - level) episodes.
        """
        return tails.value_at_risk(pnl(episodes, metadata), level)

    return of


def expected_shortfall(level: float) -> Measure:
    """The metric at one level."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """ES of an episode, currency: minus the mean of the PnL no better than -VaR."""
        return tails.expected_shortfall(pnl(episodes, metadata), level)

    return of


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
    """Effective spread / the market's mean spread: 1 is all that a fill at the touch can earn.

    The market's is its best ask less its best bid, averaged over ends of steps.
    """
    steps = episodes["steps"].sum()
    market = _ratio(episodes["market_spread_ticks"].sum(), steps)
    effective = effective_spread(episodes, metadata)
    return None if not market or effective is None else effective / market


def captured_share(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Spread PnL / what the largest quotes at the front of both touches would have earned.

    Spread PnL is the distance of each fill to the mid at its time. The quotes would earn half the
    market's spread, best ask less best bid at the end of the step in which it came, for each lot
    of the largest quote, of every market order once, however large it was.
    """
    return _ratio(episodes["pnl_spread_x2"].sum(), episodes["capturable_x2"].sum())


def markout(horizon: str) -> Measure:
    """The metric at one horizon."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """Mean of side x (mid so much later - price), ticks: what fills were worth.

        Per lot, over fills whose episode lasted so long after them.
        """
        half = 0.5 * episodes[f"markout_{horizon}_x2"].sum()
        return _ratio(half, episodes[f"markout_lots_{horizon}"].sum())

    return of


def lots_with_markout(horizon: str) -> Measure:
    """The metric at one horizon."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """Lots whose episode lasted so long after their fill / lots traded."""
        return _ratio(episodes[f"markout_lots_{horizon}"].sum(), _traded(episodes).sum())

    return of


def effective_spread_of_those(horizon: str) -> Measure:
    """The metric at one horizon."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """The effective spread of the lots that have a markout at this horizon alone, ticks."""
        spread_x2 = episodes[f"markout_spread_{horizon}_x2"].sum()
        return _ratio(spread_x2, episodes[f"markout_lots_{horizon}"].sum())

    return of


def realised_spread(horizon: str) -> Measure:
    """The metric at one horizon."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """2 x markout so much later, ticks: what is left of the effective spread of those lots."""
        after = markout(horizon)(episodes, metadata)
        return None if after is None else 2.0 * after

    return of


def adverse_selection(horizon: str) -> Measure:
    """The metric at one horizon."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """1 - realised / effective spread, both of the lots with a markout: what was taken back.

        None where these lots were filled at no distance from the mid, or on its wrong side.
        """
        spread_x2 = episodes[f"markout_spread_{horizon}_x2"].sum()
        kept = _ratio(episodes[f"markout_{horizon}_x2"].sum(), spread_x2)
        return None if kept is None else 1.0 - kept

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
    return _ratio(episodes["inventory_lots_s"].sum(), _seconds(episodes))


def inventory_max(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Largest size of the position at the end of a step, lots; of all episodes."""
    return float(episodes["inventory_max_lots"].max())


def inventory_half_life_s(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Of the position: -ln 2 / ln(rho) x step, seconds; rho = sum q(t) q(t-1) / sum q(t-1)^2.

    Sums are over all episodes. None where there is no position, or where it does not go back
    to 0 (rho outside (0, 1)).
    """
    squares = episodes["inventory_squares"].sum() - (episodes["inventory_end_lots"] ** 2).sum()
    if squares <= 0:
        return None
    rho = episodes["inventory_products"].sum() / squares
    if not 0.0 < rho < 1.0:
        return None
    return -math.log(2.0) / math.log(rho) * metadata.step_ns / 1e9


def inventory_time_mean(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Integral of the position over simulated time / that time, lots; long is positive."""
    return _ratio(episodes["inventory_integral_lots_s"].sum(), _seconds(episodes))


def inventory_time_deviation(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Square root of the time-weighted variance: integral of q^2 / time - time mean^2; lots."""
    square = _ratio(episodes["inventory_squares_s"].sum(), _seconds(episodes))
    mean = inventory_time_mean(episodes, metadata)
    return None if square is None or mean is None else math.sqrt(max(0.0, square - mean**2))


def order_to_trade(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Messages sent / fills of the agent's orders."""
    return _ratio(episodes["messages"].sum(), episodes["trades"].sum())


def maker_taker_ratio(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Maker lots / taker lots; None where nothing was taken."""
    return _ratio(_maker(episodes).sum(), episodes["taker_lots"].sum())


def turnover(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Mean worth of an episode's fills, currency: price x lots x tick_value."""
    return metadata.tick_value * float(episodes["traded_tick_lots"].mean())


def turnover_of_capital(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
    """Turnover of an episode / what the largest position costs (mid x inventory cap)."""
    return _ratio(turnover(episodes, metadata) or 0.0, metadata.capital)


def fills_by_queue(name: str) -> Measure:
    """The metric at one place of a queue."""

    def of(episodes: Episodes, metadata: EpisodeMetadata) -> Number:
        """Orders that a decision left at their price: share filled before the next decision.

        By the lots ahead of them, as a share of the market's usual touch.
        """
        rested = episodes[f"queue_{name}_rested"].sum()
        return _ratio(episodes[f"queue_{name}_filled"].sum(), rested)

    return of


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
        ("VaR 95 %", "currency", value_at_risk(0.95)),
        ("ES 95 %", "currency", expected_shortfall(0.95)),
        ("VaR 99 %", "currency", value_at_risk(0.99)),
        ("ES 99 %", "currency", expected_shortfall(0.99)),
        ("max drawdown", "currency", max_drawdown),
        ("PnL of spread", "currency", spread_share),
        ("PnL of inventory", "currency", inventory_share),
        ("PnL of fees", "currency", fee_share),
        ("traded", "lots", traded_lots),
        ("fill ratio", "", fill_ratio),
        ("maker share", "", maker_share),
        ("maker/taker ratio", "", maker_taker_ratio),
        ("turnover", "currency", turnover),
        ("turnover of capital", "", turnover_of_capital),
        ("quoted spread", "ticks", quoted_spread),
        ("effective spread", "ticks", effective_spread),
        ("spread capture", "", spread_capture),
        ("captured of all spread", "", captured_share),
        ("inventory mean", "lots", inventory_mean),
        ("inventory deviation", "lots", inventory_deviation),
        ("inventory mean over time", "lots", inventory_time_mean),
        ("inventory deviation over time", "lots", inventory_time_deviation),
        ("inventory size over time", "lots", inventory_size),
        ("inventory maximum", "lots", inventory_max),
        ("inventory half-life", "s", inventory_half_life_s),
        ("order-to-trade ratio", "", order_to_trade),
        ("ended by the loss limit", "", terminated_share),
    )
    found = [Metric(*row) for row in plain]
    for horizon in HORIZONS:
        found.append(Metric(f"markout {horizon}", "ticks", markout(horizon)))
        found.append(Metric(f"lots with a markout {horizon}", "", lots_with_markout(horizon)))
        found.append(
            Metric(f"effective spread of those, {horizon}", "ticks",
                   effective_spread_of_those(horizon))
        )  # fmt: skip
        found.append(Metric(f"realised spread {horizon}", "ticks", realised_spread(horizon)))
        found.append(Metric(f"adverse selection {horizon}", "", adverse_selection(horizon)))
    found += [Metric(f"filled, {QUEUE_WORDS[name]}", "", fills_by_queue(name)) for name in QUEUES]
    return tuple(found)


# Lots ahead as a share of the market's usual touch.
QUEUE_WORDS = {
    "front": "nobody ahead",
    "quarter": "1/4 touch ahead",
    "half": "1/2 touch ahead",
    "whole": "1 touch ahead",
    "deeper": "more ahead",
}
METRICS = _metrics()


def metrics_of(episodes: Episodes, metadata: EpisodeMetadata) -> Mapping[str, Number]:
    """Every metric by its name."""
    return {metric.name: metric.of(episodes, metadata) for metric in METRICS}


def _maker(episodes: Episodes) -> NDArray[np.int64]:
    return np.asarray(episodes["maker_bid_lots"] + episodes["maker_ask_lots"])


def _traded(episodes: Episodes) -> NDArray[np.int64]:
    return np.asarray(_maker(episodes) + episodes["taker_lots"])


def _seconds(episodes: Episodes) -> float:
    return float(episodes["duration_ns"].sum()) / NS_PER_S


def _ratio(above: float, below: float) -> Number:
    return float(above) / float(below) if below > 0 else None


def _mean_money(episodes: Episodes, metadata: EpisodeMetadata, name: str) -> float:
    return 0.5 * metadata.tick_value * float(episodes[name].mean())
