"""A policy's depths on a grid of times, inventories and regimes, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rlmm_tf.agents.baselines import DepthRule
from rlmm_tf.agents.exact.model import QuotingModel
from rlmm_tf.agents.exact.problem import played_rule
from rlmm_tf.params import EnvParams

if TYPE_CHECKING:
    from experiments.config import PolicyTableConfig

TABLE_NAME = "policy_table.csv"
COLUMNS = ("seed", "t", "q", "regime", "bid_depth", "ask_depth")


def policy_table(rows_by_seed: Mapping[int, list[tuple[object, ...]]]) -> str:
    """The file; a learned agent has the rows of each of its seeds."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for seed, rows in rows_by_seed.items():
        table.writerows((seed, *row) for row in rows)
    return text.getvalue()


def policy_rows(
    grid: PolicyTableConfig, params: EnvParams, model: QuotingModel, rule: DepthRule
) -> list[tuple[object, ...]]:
    """What the rule quotes as it is played, in the order of `COLUMNS` after the seed."""
    rows: list[tuple[object, ...]] = []
    played = played_rule(rule, params)
    most = min(grid.inventory_max_lots or model.inventory_cap, model.inventory_cap)
    lots = np.arange(-most, most + 1, dtype=np.float64)
    for time_s in np.linspace(0.0, model.horizon_s, grid.n_times):
        for regime in range(model.n_regimes):
            left_s = np.full(lots.shape, model.horizon_s - time_s)
            regimes = np.full(lots.shape, regime, dtype=np.int64)
            bid, ask = played.depths(left_s, lots, regimes)
            for q, bid_depth, ask_depth in zip(lots, bid, ask, strict=True):
                at = (f"{time_s:.6g}", int(q), regime)
                rows.append((*at, f"{bid_depth:.6f}", f"{ask_depth:.6f}"))
    return rows
