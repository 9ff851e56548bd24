"""What one market looks like: a line of text for each step, a picture of the episode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.fields import NS_PER_S
from rlmm_tf.params import EnvParams

# Colour-blind-safe (Okabe & Ito).
BID_COLOUR, ASK_COLOUR, MID_COLOUR, LINE_COLOUR = "#0072B2", "#D55E00", "#000000", "#009E73"
PICTURE_INCHES = (8.0, 6.5)
PICTURE_DPI = 100


class Renderer:
    """Keeps the episode so far and draws it."""

    def __init__(self, params: EnvParams) -> None:
        self._params = params
        self._rows: list[dict[str, float]] = []
        self._total_reward = 0.0

    def start(self) -> None:
        """Forgets the last episode."""
        self._rows = []
        self._total_reward = 0.0

    def record(self, columns: Mapping[str, float], reward: float) -> None:
        """Adds one step."""
        self._total_reward += reward
        wealth = columns["pnl_spread"] + columns["pnl_inventory"] + columns["pnl_fees"]
        last = self._rows[-1] if self._rows else self._first_row(columns["mid_ticks_x2"])
        self._rows.append(
            {
                **columns,
                # Quotes are placed around the mid of the decision, not the one the step ends at.
                "quoted_mid_ticks": last["mid_ticks_x2"] / 2,
                "pnl": last["pnl"] + wealth * self._params.tick_value,
                "total_reward": self._total_reward,
            }
        )

    def _first_row(self, next_mid_ticks_x2: float) -> dict[str, float]:
        """The start; only a recording knows where it was, and it went on to the next."""
        mid_ticks = self._params.market.mid_initial_ticks
        return {
            "mid_ticks_x2": next_mid_ticks_x2 if mid_ticks is None else 2.0 * mid_ticks,
            "pnl": 0.0,
        }

    def text(self) -> str:
        """The last step in one line."""
        if not self._rows:
            return "before the first step"
        row = self._rows[-1]
        mid_ticks = row["quoted_mid_ticks"]
        bid = self._quote(mid_ticks - row["bid_offset_ticks"], row["bid_lots"])
        ask = self._quote(mid_ticks + row["ask_offset_ticks"], row["ask_lots"])
        taken = f"taken {row['fills_taker_lots']:.0f} | " if row["fills_taker_lots"] else ""
        return (
            f"t {row['ts_ns'] / NS_PER_S:9.3f} s | mid {row['mid_ticks_x2'] / 2:.1f} | "
            f"bid {bid} | ask {ask} | "
            f"filled +{row['fills_maker_lots_bid']:.0f} -{row['fills_maker_lots_ask']:.0f} | "
            f"{taken}inventory {row['inventory_lots']:+.0f} | pnl {row['pnl']:+.4f} | "
            f"reward {row['total_reward']:+.4f}"
        )

    @staticmethod
    def _quote(price_ticks: float, lots: float) -> str:
        return f"{lots:.0f} @ {price_ticks:.1f}" if lots > 0 else "none"

    def picture(self) -> NDArray[np.uint8]:
        """Prices with quotes and fills, inventory, and gain, as (height, width, 3) bytes."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator, StrMethodFormatter

        figure = Figure(figsize=PICTURE_INCHES, dpi=PICTURE_DPI, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        prices, inventory, gain = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1.2, 1.2))
        time_s = self._series("ts_ns") / NS_PER_S
        self._draw_prices(prices, time_s)
        inventory.step(time_s, self._series("inventory_lots"), where="post", color=LINE_COLOUR)
        inventory.set_ylabel("inventory\n(lots)")
        inventory.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        gain.plot(*self._from_start(time_s, self._series("pnl"), 0.0), color=LINE_COLOUR)
        gain.set_ylabel("PnL\n(currency)")
        gain.set_xlabel("time (s)")
        gain.set_xlim(0.0, self._params.episode.horizon_s)
        prices.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        for axes in (inventory, gain):
            axes.axhline(0.0, color=MID_COLOUR, linewidth=0.5)
        for axes in (prices, inventory, gain):
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
        figure.align_ylabels()
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def _series(self, name: str) -> NDArray[np.float64]:
        return np.array([row[name] for row in self._rows], dtype=np.float64)

    @staticmethod
    def _from_start(
        time_s: NDArray[np.float64], values: NDArray[np.float64], start: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.insert(time_s, 0, 0.0), np.insert(values, 0, start)

    def _draw_prices(self, axes: Any, time_s: NDArray[np.float64]) -> None:
        mid_ticks = self._series("mid_ticks_x2") / 2
        first = self._rows[0] if self._rows else None
        start_ticks = (
            self._first_row(0.0)["mid_ticks_x2"] / 2 if first is None else first["quoted_mid_ticks"]
        )
        line = self._from_start(time_s, mid_ticks, start_ticks)
        axes.plot(*line, color=MID_COLOUR, linewidth=1.0, label="mid")
        sides = (
            ("bid", -1.0, BID_COLOUR, "^", "fills_maker_lots_bid"),
            ("ask", +1.0, ASK_COLOUR, "v", "fills_maker_lots_ask"),
        )
        for side, outward, colour, marker, fills in sides:
            quoted = self._series(f"{side}_lots") > 0
            offset_ticks = self._series(f"{side}_offset_ticks")
            price = self._series("quoted_mid_ticks") + outward * offset_ticks
            price = np.where(quoted, price, np.nan)
            # A row's quotes stood during the step that ends at its time.
            held = self._from_start(time_s, price, price[0] if len(price) else np.nan)
            axes.step(*held, where="pre", color=colour, linewidth=1.0, label=side)
            filled = self._series(fills) > 0
            axes.plot(time_s[filled], price[filled], marker, color=colour, label=f"{side} filled")
        taken = self._series("fills_taker_lots") > 0
        if taken.any():
            axes.plot(time_s[taken], mid_ticks[taken], "x", color=MID_COLOUR, label="crossed")
        axes.set_ylabel("price (ticks)")
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, ncols=6)
