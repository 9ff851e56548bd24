"""A market whose recording shows three levels is found again as it is, not as it is shown."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.depth import shown_levels, shown_share, shown_ticks
from calibration.fit import CalibratedMarket, Settings, calibrate
from calibration.flow_events import read_flow
from calibration.rates import _simulated
from calibration.sources.ingest import ingest
from calibration.sources.plan import Options
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import LimitMarks, RefillParams
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import LobsterWriter, Session, lobster_paths, record
from tests.calibration.markets import known_market

LEVELS, SECONDS = 3, 4000
THINNER = 8.0
SETTINGS = Settings(
    decays_hz=(50.0, 1.0), regimes=1, season=False, match_rates=False, informed=False
)


def truth() -> MarketModel:
    """A thin book: orders on eight prices of which three are shown, and many of them are empty."""
    thin = tuple(
        group.model_copy(update={"baseline_hz": THINNER * group.baseline_hz if g >= 4 else hz})
        for g, group in enumerate(known_market().groups)
        for hz in (group.baseline_hz,)
    )
    return known_market(
        groups=thin, exciting_levels=LEVELS, far_level_orders=(0.6, 0.3, 0.1), refill=RefillParams()
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> EventTable:
    folder = tmp_path_factory.mktemp("few_levels")
    session = Session(duration_ns=SECONDS * NS_PER_S, start_ns=0, symbol="SIM")
    market = BookMarketParams(model=truth(), warmup_ns=60 * NS_PER_S)
    with LobsterWriter(folder, session, LEVELS) as writer:
        for chunk in record(
            EnvParams(market=market), seed=3, duration_ns=session.duration_ns, levels=LEVELS
        ):
            writer.write(chunk)
    out = folder / "seen.parquet"
    ingest(
        "lobster",
        lobster_paths(folder, session, LEVELS),
        out,
        Options(tick_size="0.01"),
        show=lambda *_: None,
    )
    return EventTable.read(out)


@pytest.fixture(scope="module")
def market(seen: EventTable) -> CalibratedMarket:
    return calibrate([seen], settings=SETTINGS)


def test_orders_that_are_not_shown_come_too(market: CalibratedMarket) -> None:
    assert market.model.exciting_levels == LEVELS
    assert 0.5 < market.estimates["limit_orders_shown"].number < 0.95
    often = int(np.argmax(market.parts.book.placement.n))
    found = np.array(market.model.limit_marks[often].resting)
    wanted = np.array(truth().limit_marks[-1].resting)
    # What comes further behind is hardly ever shown, and found too seldom.
    np.testing.assert_allclose(found[:4] / found[0], wanted[:4] / wanted[0], atol=0.08)
    rates_hz = [_simulated(each, seed=1, levels=0)[1] for each in (market.model, truth())]
    assert rates_hz[0] == pytest.approx(rates_hz[1], rel=0.15)


def test_kernels_beget_what_is_not_shown_too(market: CalibratedMarket) -> None:
    wanted = np.reshape(truth().excitation, (2, 6, 6)).sum(axis=0)
    found = np.reshape(market.model.excitation, (2, 6, 6)).sum(axis=0)
    np.testing.assert_allclose(found[:4], wanted[:4], atol=0.08)


def test_it_explains_what_is_shown(market: CalibratedMarket) -> None:
    assert all(each.ks < 0.06 for each in market.goodness.residuals), market.goodness


def test_what_is_shown_of_the_orders(seen: EventTable) -> None:
    events = read_flow([seen])
    assert shown_levels(events) == LEVELS
    reach = shown_ticks(events)
    full = events.levels == LEVELS
    assert np.array_equal(reach[full], events.extent_ticks[full])
    assert (reach[~full] >= 1024).all()
    marks = (LimitMarks(improving=(0.2,), resting=(0.5, 0.2, 0.1)),)
    share = shown_share(events, marks, np.zeros(len(events), np.int64))
    known = {0: 0.7, 1: 0.9}
    for ticks, wanted in known.items():
        there = reach == ticks
        assert share[there] == pytest.approx(wanted) or not there.any()
    assert share[reach >= 2] == pytest.approx(1.0)
