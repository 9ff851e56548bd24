"""An episode to be played: one HTML file with its own script, no network, any browser.

The policy of the page allows this very script and this very style by their hashes, and nothing
else. What users named stands in escaped text or in JSON without a `<`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from rlmm_tf.env.engine import AGENT_EVENTS
from rlmm_tf.evaluation.events import LEVELS, EpisodeEvents
from rlmm_tf.fields import NS_PER_S

FRAMES = 2400

Ints = NDArray[np.int64]


def player_page(events: EpisodeEvents, *, title: str, lead: str, tick_value: float) -> str:
    """The page as HTML; the same bytes each time."""
    script, style = _part("player.js"), _part("player.css")
    environment = Environment(
        loader=PackageLoader("reports.player", "."), autoescape=True, undefined=StrictUndefined
    )
    data = json.dumps(_frames(events, tick_value), separators=(",", ":"), allow_nan=False)
    return environment.get_template("player.html.jinja").render(
        title=title,
        lead=lead,
        script=Markup(script),
        style=Markup(style),
        script_hash=Markup(_hash(script)),
        style_hash=Markup(_hash(style)),
        data=Markup(data.replace("<", "\\u003c")),
    )


def _part(name: str) -> str:
    return resources.files("reports.player").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _frames(events: EpisodeEvents, tick_value: float) -> dict[str, object]:
    """What the script shows: moments of equal distance, and every fill."""
    agent, steps = events.agent, events.steps
    end_ns = int(steps["ts_ns"][-1])
    ts_ns = np.linspace(0.0, end_ns, FRAMES).astype(np.int64)
    kinds = np.array(AGENT_EVENTS)[agent["what"]]
    filled = np.isin(kinds, ("maker", "taker"))
    at_ns = agent["ts_ns"][filled]
    moves = (agent["side"] * agent["qty_lots"])[filled]
    start = int(steps["inventory_lots"][-1]) - int(moves.sum())
    path = np.concatenate([[start], start + np.cumsum(moves)])
    gains = steps["pnl_spread"] + steps["pnl_inventory"] + steps["pnl_fees"]
    fills = zip(
        (at_ns / NS_PER_S).tolist(),
        agent["price_ticks"][filled].tolist(),
        agent["side"][filled].tolist(),
        (kinds[filled] == "maker").tolist(),
        strict=True,
    )
    mid = np.concatenate([steps["mid_ticks_x2"][:1], steps["mid_ticks_x2"]]) / 2.0
    quotes = zip(_standing(agent, kinds, 1, ts_ns), _standing(agent, kinds, -1, ts_ns), strict=True)
    return {
        "ts": np.round(ts_ns / NS_PER_S, 4).tolist(),
        "levels": LEVELS,
        "depth": _depth(events, ts_ns),
        "own": [list(pair) for pair in quotes],
        "mid": mid[np.searchsorted(steps["ts_ns"], ts_ns, side="right")].tolist(),
        "inventory": path[np.searchsorted(at_ns, ts_ns, side="right")].tolist(),
        "fills": [list(fill) for fill in fills],
        "steps": (steps["ts_ns"] / NS_PER_S).tolist(),
        "pnl": np.round(np.cumsum(gains) * tick_value, 6).tolist(),
    }


def _depth(events: EpisodeEvents, ts_ns: Ints) -> list[list[int]]:
    """The book's best levels at each moment; none where it was not written down."""
    depth, at_ns = events.book["depth"], events.book["ts_ns"]
    if not len(depth):
        return [[0] * (4 * LEVELS)] * len(ts_ns)
    last = np.maximum(np.searchsorted(at_ns, ts_ns, side="right") - 1, 0)
    found: list[list[int]] = depth[last].tolist()
    return found


def _standing(
    agent: dict[str, Ints], kinds: NDArray[np.str_], side: int, ts_ns: Ints
) -> list[list[int]]:
    """Price, lots and lots ahead of the agent's order on a side at each moment."""
    told = np.isin(kinds, ("standing", "arrived")) & (agent["side"] == side)
    rows = np.stack([agent[name][told] for name in ("price_ticks", "qty_lots", "ahead_lots")], 1)
    rows = np.concatenate([np.zeros((1, 3), np.int64), rows])
    found: list[list[int]] = rows[
        np.searchsorted(agent["ts_ns"][told], ts_ns, side="right")
    ].tolist()
    return found
