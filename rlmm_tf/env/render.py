"""What one market looks like: a line of text for each step, a picture of the episode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.params import NS_PER_S, EnvParams

# Colour-blind-safe (Okabe & Ito).
BID_COLOUR, ASK_COLOUR, MID_COLOUR, LINE_COLOUR = "#0072B2", "#D55E00", "#000000", "#009E73"
PICTURE_INCHES = (8.0, 6.0)
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
        last = self._rows[-1] if self._rows else self._first_row()
        self._rows.append(
            {
                **columns,
                # Quotes are placed around the mid of the decision, not the one the step ends at.
                "quoted_mid_ticks": last["mid_ticks_x2"] / 2,
                "pnl": last["pnl"] + wealth * self._params.tick_value,
                "total_reward": self._total_reward,
            }
        )

    def _first_row(self) -> dict[str, float]:
        return {"mid_ticks_x2": 2.0 * self._params.market.mid_initial_ticks, "pnl": 0.0}

    def text(self) -> str:
        """The last step in one line."""
        if not self._rows:
            return "before the first step"
        row = self._rows[-1]
        mid_ticks = row["quoted_mid_ticks"]
        bid = self._quote(mid_ticks - row["bid_offset_ticks"], row["bid_lots"])
        ask = self._quote(mid_ticks + row["ask_offset_ticks"], row["ask_lots"])
        return (
            f"t {row['ts_ns'] / NS_PER_S:9.3f} s | mid {row['mid_ticks_x2'] / 2:.1f} | "
            f"bid {bid} | ask {ask} | "
            f"filled +{row['fills_maker_lots_bid']:.0f} -{row['fills_maker_lots_ask']:.0f} | "
            f"inventory {row['inventory_lots']:+.0f} | pnl {row['pnl']:+.4f} | "
            f"reward {row['total_reward']:+.4f}"
        )

    @staticmethod
    def _quote(price_ticks: float, lots: float) -> str:
        return f"{lots:.0f} @ {price_ticks:.1f}" if lots > 0 else "none"

    def picture(self) -> NDArray[np.uint8]:
        """Prices with quotes and fills, inventory, and gain, as (height, width, 3) bytes."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=PICTURE_INCHES, dpi=PICTURE_DPI, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        prices, inventory, gain = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1, 1))
        time_s = self._series("ts_ns") / NS_PER_S
        self._draw_prices(prices, time_s)
        inventory.step(time_s, self._series("inventory_lots"), where="post", color=LINE_COLOUR)
        inventory.set_ylabel("inventory (lots)")
        gain.plot(time_s, self._series("pnl"), color=LINE_COLOUR)
        gain.set_ylabel("PnL (currency)")
        gain.set_xlabel("time (s)")
        gain.set_xlim(0.0, self._params.episode.horizon_s)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def _series(self, name: str) -> NDArray[np.float64]:
        return np.array([row[name] for row in self._rows], dtype=np.float64)

    def _draw_prices(self, axes: Any, time_s: NDArray[np.float64]) -> None:
        mid_ticks = self._series("mid_ticks_x2") / 2
        axes.plot(time_s, mid_ticks, color=MID_COLOUR, linewidth=1.0, label="mid")
        sides = (
            ("bid", -1.0, BID_COLOUR, "^", "fills_maker_lots_bid"),
            ("ask", +1.0, ASK_COLOUR, "v", "fills_maker_lots_ask"),
        )
        for side, outward, colour, marker, fills in sides:
            quoted = self._series(f"{side}_lots") > 0
            price = self._series("quoted_mid_ticks") + outward * self._series(
                f"{side}_offset_ticks"
            )
            price = np.where(quoted, price, np.nan)
            axes.step(time_s, price, where="post", color=colour, linewidth=1.0, label=side)
            filled = self._series(fills) > 0
            axes.plot(time_s[filled], price[filled], marker, color=colour, label=f"{side} filled")
        axes.set_ylabel("price (ticks)")
        if self._rows:
            axes.legend(loc="upper left", fontsize="small", ncols=3)
