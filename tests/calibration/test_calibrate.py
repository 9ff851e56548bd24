"""The whole way: a known market is simulated, calibrated, and found again; and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.artifact import ArtifactError, load_market, market_document, save_market
from calibration.fit import CalibratedMarket, Settings, TooLittleData, calibrate
from calibration.flow_events import read_flow
from calibration.held_out import held_out_goodness
from calibration.split import Split
from rlmm_tf.events import EventFlag, EventKind, EventTable, EventTableError
from rlmm_tf.market_model import MarketModel
from tests.calibration.markets import known_market, recorded

SETTINGS = Settings(
    decays_hz=(50.0, 1.0), regimes=1, season=False, match_rates=False, informed=False
)


@pytest.fixture(scope="module")
def table() -> EventTable:
    return recorded(known_market(), 3000)


@pytest.fixture(scope="module")
def market(table: EventTable) -> CalibratedMarket:
    return calibrate([table], settings=SETTINGS)


def test_parts_are_found_again(market: CalibratedMarket) -> None:
    truth, model = known_market(), market.model
    assert model.spread_bin_ticks[:2] == (1, 2)
    for g in (0, 2, 4):
        found = market.estimates["baseline_hz"].numbers[g]
        assert found == pytest.approx(truth.groups[g].baseline_hz, rel=0.25)
    assert model.market_orders.whole_queue == pytest.approx(0.2, abs=0.05)
    assert model.market_orders.beyond_queue == pytest.approx(0.05, abs=0.02)
    assert model.cancels.partial_share == pytest.approx(0.1 * 0.6, abs=0.02)  # one lot is whole
    assert model.limit_marks[0].resting[:8] == pytest.approx(truth.limit_marks[0].resting, abs=0.02)
    for name, wanted in (("share", 0.5), ("back_share", 0.6)):
        found = market.estimates[f"refill.{name}"]
        assert found.number == getattr(model.refill, name)
        assert isinstance(found.standard_error, float)
        assert 0.0 < found.standard_error < 0.2
        assert abs(found.number - wanted) < 3.0 * found.standard_error
    law = dict(zip(model.deeper.sizes.lots, model.deeper.sizes.probability, strict=True))
    assert [law[size] for size in (1, 2, 5, 10)] == pytest.approx([0.4, 0.3, 0.2, 0.1], abs=0.02)


def test_kernels_are_found_again(market: CalibratedMarket) -> None:
    truth = np.reshape(known_market().excitation, (2, 6, 6))[:, ::2]
    estimate = market.estimates["excitation"]
    found = np.reshape(estimate.numbers, (2, 6, 6))[:, ::2]
    errors = np.reshape(estimate.standard_error, (2, 6, 6))[:, ::2]
    z = ((found - truth) / errors)[found > 0.0]
    assert np.abs(z).max() < 5.0
    assert (np.abs(z) < 1.96).mean() > 0.75


def test_fit_is_good_here_and_elsewhere(market: CalibratedMarket) -> None:
    assert all(each.ks < 0.05 for each in market.goodness.residuals), market.goodness
    assert market.goodness.gain_per_event > 0.05


def test_goodness_can_be_told_again_from_the_artifact(
    table: EventTable, market: CalibratedMarket, tmp_path: Path
) -> None:
    save_market(market, tmp_path / "m.json", settings=SETTINGS)
    model, section = load_market(tmp_path / "m.json")
    whole = Split.of_rows(None, None, table.column("ts_recv"))
    again = held_out_goodness(model, section, table, whole)
    assert again.n == market.goodness.n
    assert again.gain_per_event == pytest.approx(market.goodness.gain_per_event, rel=1e-9)
    assert again.residuals == market.goodness.residuals
    half = Split.of_rows(",0.4h", None, table.column("ts_recv"))
    assert held_out_goodness(model, section, table, half).n < 0.6 * again.n


def test_it_runs_as_the_market_did(table: EventTable, market: CalibratedMarket) -> None:
    again = read_flow([recorded(market.model, 1500, seed=7)])
    before = read_flow([table])
    for events in (again, before):
        assert events.seconds.sum() > 1000.0
    rates = [
        np.bincount(events.group[events.counted], minlength=6)[:6] / events.seconds.sum()
        for events in (again, before)
    ]
    np.testing.assert_allclose(rates[0], rates[1], rtol=0.2)
    wide = [
        events.seconds[events.spread_ticks > 1].sum() / events.seconds.sum()
        for events in (again, before)
    ]
    assert wide[0] == pytest.approx(wide[1], abs=0.08)


def test_same_input_same_bytes(tmp_path: Path, table: EventTable, market: CalibratedMarket) -> None:
    save_market(market, tmp_path / "a.json", settings=SETTINGS)
    table.write(tmp_path / "table.parquet")
    again = calibrate([tmp_path / "table.parquet"], settings=SETTINGS)
    save_market(again, tmp_path / "b.json", settings=SETTINGS)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert MarketModel.load(tmp_path / "a.json") == market.model
    model, section = load_market(tmp_path / "a.json")
    assert model == market.model
    assert section["events"] == list(market.n_events)
    with pytest.raises(FileExistsError):
        save_market(market, tmp_path / "a.json", settings=SETTINGS)


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (("calibration", "seconds"), 1.0, "calibration_hash: expected .* changed by hand"),
        (("calibration", "schema_version"), 99, "calibration.schema_version: expected 1, got 99"),
        (("calibration",), None, "calibration: expected a section, got none"),
        (("model", "season_bin_s"), 5.0, "model"),
        (("schema_version",), 99, "schema_version: expected 4, got 99"),
    ],
)
def test_changed_artifacts_are_refused(
    tmp_path: Path, market: CalibratedMarket, place: tuple[str, ...], value: object, expected: str
) -> None:
    document = market_document(market, settings=SETTINGS)
    at = document
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = value
    path = tmp_path / "market.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match=expected) as refused:
        load_market(path)
    assert "calibrate again with `rlmm calibrate`" in str(refused.value)


# --- poor recordings ----------------------------------------------------------------------------


def test_too_little_data(table: EventTable) -> None:
    def first_seconds(ts_ns: NDArray[np.int64]) -> Split:
        return Split.of_rows("0s,10s", None, ts_ns)

    with pytest.raises(TooLittleData, match=r"expected at least 200 limit orders .* got"):
        calibrate([table], first_seconds, SETTINGS)


def test_no_trades() -> None:
    truth = known_market()
    silent = tuple(
        group.model_copy(update={"baseline_hz": 0.0 if g < 2 else group.baseline_hz})
        for g, group in enumerate(truth.groups)
    )
    market = calibrate([recorded(known_market(groups=silent), 300)], settings=SETTINGS)
    codes = {caution.code for caution in market.cautions}
    assert {"no_market_orders", "few_events"} <= codes
    assert market.model.groups[0].baseline_hz == 0.0


def test_mixed_instruments(table: EventTable) -> None:
    other = recorded(known_market(), 5, symbol="OTHER")
    with pytest.raises(EventTableError, match=r"symbol: expected 'SIM' .* got 'OTHER'"):
        read_flow([table, other])


def test_two_days_are_one_market(market: CalibratedMarket, table: EventTable) -> None:
    both = calibrate([table, recorded(known_market(), 1000, seed=5)], settings=SETTINGS)
    assert sum(both.n_events) > 1.2 * sum(market.n_events)
    assert both.estimates["baseline_hz"].numbers == pytest.approx(
        market.estimates["baseline_hz"].numbers, rel=0.2
    )


def by_level(table: EventTable) -> EventTable:
    """The same recording by one that does not tell orders apart."""
    columns = {name: table.column(name).copy() for name in table.table.schema.names}
    columns["order_id"][:] = 0
    return EventTable.from_columns(columns, table.metadata)


def test_by_level(table: EventTable, market: CalibratedMarket) -> None:
    found = calibrate([by_level(table)], settings=SETTINGS)
    assert found.estimates["cancels.partial_share"].origin == "borrowed"
    assert found.model.groups[2].baseline_hz == pytest.approx(
        market.model.groups[2].baseline_hz, rel=0.1
    )
    assert len(found.parts.events.lives) == 0


def test_quotes_only() -> None:
    """A national best bid and offer: one level a side, in whole sizes."""
    rng = np.random.default_rng(0)
    n = 4000
    rows: list[tuple[int, int, int, int]] = []
    lots = {1: 5, -1: 5}
    for side in (1, -1):
        rows.append((EventKind.ADD, side, 100 - side, lots[side]))
    for _ in range(n):
        side = int(rng.choice([1, -1]))
        if rng.random() < 0.55 or lots[side] <= 2:
            rows.append((EventKind.ADD, side, 100 - side, 2))
            lots[side] += 2
        else:
            kind = EventKind.TRADE if rng.random() < 0.2 else EventKind.CANCEL
            rows.append((kind, side, 100 - side, 1))
            lots[side] -= 1
    kind, sides, prices, sizes = (np.array(column) for column in zip(*rows, strict=True))
    ts = np.cumsum(rng.integers(1, 400, len(rows))) * 1_000_000
    table = EventTable.from_columns(
        {
            "ts_event": ts,
            "ts_recv": ts,
            "seq": np.arange(len(rows), dtype=np.uint64),
            "kind": kind.astype(np.uint8),
            "side": sides.astype(np.int8),
            "price_ticks": prices.astype(np.int64),
            "qty_lots": sizes.astype(np.int64),
            "order_id": np.zeros(len(rows), np.uint64),
            "flags": np.full(len(rows), EventFlag.REMAINS, np.uint8),
        },
        recorded(known_market(), 1).metadata,
    )
    market = calibrate(
        [table], settings=Settings(regimes=1, season=False, match_rates=False, informed=False)
    )
    codes = {caution.code for caution in market.cautions}
    assert "no_depth" in codes
    assert "one_state" not in codes
    assert market.model.hit_gap_factor == ()
    assert max(market.model.decays_hz) <= 200.0  # the clock shows milliseconds
