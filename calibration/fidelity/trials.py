"""What takes an agent in the simulated market: large orders, and strategies that must not pay."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.fidelity.metaorders import PAIRS, MetaorderImpact, metaorder_impact
from calibration.fidelity.probes import EPISODES, Probe, run_probes
from calibration.flow_events import FlowEvents
from rlmm_tf.market_model import MarketModel


@dataclass(frozen=True)
class Trials:
    """Of one model."""

    metaorders: MetaorderImpact
    probes: tuple[Probe, ...]


def run_trials(
    model: MarketModel,
    flow: FlowEvents,
    *,
    seed: int,
    pairs: int = PAIRS,
    episodes: int = EPISODES,
) -> Trials | None:
    """Sizes and times are those of a recording; None where nobody trades in it.

    Args:
        model: the market.
        flow: the recording's events.
        seed: names every random number.
        pairs: markets with and without each large order.
        episodes: markets for each strategy.
    """
    counted, seconds = flow.counted, float(flow.seconds.sum())
    lots = flow.lots[counted & (flow.group < 2)]
    if len(lots) == 0:
        return None
    events_per_s = float(counted.sum()) / seconds
    return Trials(
        metaorder_impact(
            model,
            traded_lots_per_s=float(lots.sum()) / seconds,
            events_per_s=events_per_s,
            seed=seed,
            pairs=pairs,
        ),
        run_probes(
            model,
            unit_lots=max(1, round(float(lots.mean()))),
            events_per_s=events_per_s,
            seed=seed,
            episodes=episodes,
        ),
    )
