"""Small markets whose parameters are known, and recordings of them."""

from __future__ import annotations

import numpy as np

from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import (
    CancelParams,
    LimitMarks,
    LimitPlaceParams,
    MarketOrderParams,
    RefillParams,
    SizeLaw,
    TypicalParams,
)
from rlmm_tf.market_presets import Kind, falling, symmetric
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import Session, generator_hash, record

AT_RISK = 40.0  # orders on a side, about


def known_market(**changes: object) -> MarketModel:
    """Spreads of one tick and more, three imbalances, two decays: something in every part."""
    groups, excitation = symmetric(
        (
            Kind(0.6, lambda spread, own: (1.2, 1.0, 0.8)[own] * (1.1, 0.9)[spread]),
            Kind(3.0, lambda spread, own: (1.1, 1.0, 0.9)[own] * (0.9, 1.1)[spread]),
            Kind(2.4),
        ),
        n_spread_bins=2,
        n_imbalance_bins=3,
        same=((0.3, 0.0, 0.0), (0.1, 0.2, 0.1), (0.0, 0.1, 0.2)),
        opposite=((0.0, 0.0, 0.0), (0.2, 0.0, 0.0), (0.1, 0.0, 0.0)),
        decay_shares=(0.5, 0.5),
        orders_at_risk=AT_RISK,
    )
    sizes = SizeLaw(lots=(1, 2, 5, 10), probability=(0.4, 0.3, 0.2, 0.1))
    place = LimitPlaceParams(sizes=sizes)
    fields: dict[str, object] = {
        "spread_bin_ticks": (1, 2),
        "imbalance_bin_edges": (-0.3, 0.3),
        "groups": groups,
        "decays_hz": (50.0, 1.0),
        "excitation": excitation,
        "limit_marks": (
            LimitMarks(resting=falling(8, 0.8, 1.0)),
            LimitMarks(improving=(0.3, 0.1), resting=falling(8, 0.8, 0.6)),
        ),
        "refill": RefillParams(share=0.5, back_share=0.6),
        "improving": place,
        "joining": place,
        "deeper": place,
        "market_orders": MarketOrderParams(
            whole_queue=0.2, beyond_queue=0.05, within_queue=0.75, sizes=sizes
        ),
        "cancels": CancelParams(partial_share=0.1),
        "far_level_orders": (0.1, 0.2, 0.3, 0.2, 0.2),
        "typical": TypicalParams(touch_lots=20.0, market_orders_hz=1.0),
    }
    return MarketModel.model_validate(fields | changes)


def recorded(model: MarketModel, seconds: int, seed: int = 0, symbol: str = "SIM") -> EventTable:
    """A session of the market by itself."""
    params = EnvParams(market=BookMarketParams(model=model, warmup_ns=60 * NS_PER_S))
    duration_ns = seconds * NS_PER_S
    chunks = list(record(params, seed=seed, duration_ns=duration_ns, levels=0))
    parts = [chunk.columns(0) for chunk in chunks]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    generator = generator_hash(params, seed=seed, duration_ns=duration_ns)
    return EventTable.from_columns(columns, Session(duration_ns, symbol=symbol).metadata(generator))
