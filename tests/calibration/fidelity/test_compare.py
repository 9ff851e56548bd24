from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from calibration.fidelity.as_json import result_as_json
from calibration.fidelity.compare import FidelityResult, compare
from calibration.fidelity.divergence import divergence
from calibration.fidelity.fill_by_queue import virtual_orders
from calibration.fidelity.gates import normalised
from calibration.fidelity.market import Market
from calibration.fidelity.messages import (
    Detail,
    FidelityError,
    Instrument,
    MessageKind,
    Windows,
    instrument_of,
    messages_of_rows,
)
from calibration.fidelity.scores import UNCONDITIONAL
from calibration.split import Split
from tests.calibration.fidelity.simulated import instrument, simulated_market, simulated_table
from tests.calibration.fidelity.toy_flow import toy_rows, toy_windows


def toy_market(key: int, **flow: float) -> Market:
    rows = toy_rows(key, 5, 200, **{"market_share": 0.15, "patience": 5.0, "gap_s": 0.05, **flow})
    return Market(f"toy {key}", toy_windows(rows))


@pytest.fixture(scope="module")
def result() -> FidelityResult:
    """A second run of the real market as the model, a third as the floor, a wrong reference."""
    real, model, floor = (simulated_market(seed) for seed in (1, 3, 2))
    messages = floor.windows.messages
    wrong = replace(messages, ts_ns=np.arange(len(messages)) * 10**8, lots=messages.lots * 3)
    reference = Market("wrong", Windows(wrong, floor.windows.length))
    return compare(real, model, floor=floor, reference=reference, rng=np.random.default_rng(0))


def test_a_market_is_like_another_run_of_itself(result: FidelityResult) -> None:
    gates = {gate.name: gate for gate in result.gates}
    for name in ("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G10", "G13a", "G13b", "G13c", "G14"):
        assert gates[name].must, gates[name]
    assert gates["G8"].must in {True, None}
    assert gates["G11"].value is None
    assert "calibrate" in gates["G11"].reason
    assert result.model.mean_l1_interval.low < result.model.mean_l1 < 0.12
    assert result.s is not None
    assert abs(result.s) < 0.3
    columns = (result.model, result.floor, result.reference)
    assert {column.windows for column in columns if column is not None} == {result.windows}
    assert len(result.model.unconditional) == 21
    assert len(result.model.conditional) == 3


def test_the_json_says_it_all_in_plain_numbers(result: FidelityResult) -> None:
    values = result_as_json(result)
    text = json.dumps(values, allow_nan=False)
    assert values["mean_l1"] == result.model.mean_l1
    assert set(values["columns"]) == {"floor", "reference", "model"}
    assert len(values["facts"]) == 25
    assert len(values["responses"]["by_lag"]["MO_0"]["real"]["value"]) == 21
    shares = values["histograms"]["spread"]
    assert sum(shares["real"]) == pytest.approx(1.0)
    assert json.loads(text) == values


def test_the_same_again_is_the_same_bit_for_bit() -> None:
    def run() -> str:
        found = compare(
            toy_market(1), toy_market(2), floor=toy_market(3), rng=np.random.default_rng(5)
        )
        return json.dumps(result_as_json(found))

    assert run() == run()


def test_windows_alone_say_what_they_cannot() -> None:
    found = compare(toy_market(1), toy_market(2), rng=np.random.default_rng(0))
    gates = {gate.name: gate for gate in found.gates}
    for name, why in (
        ("G3", "noise floor"),
        ("G7", "noise floor"),
        ("G9", "too short"),
        ("G10", "rest for a minute"),
        ("G13a", "too short"),
        ("G14", "too short"),
    ):
        assert gates[name].must is None
        assert why in gates[name].reason
    assert found.s is None
    assert any("only 5 windows" in caution for caution in found.cautions)
    assert any("windows alone" in caution for caution in found.cautions)


def test_windows_that_start_from_a_given_book_are_a_market() -> None:
    table = simulated_table()
    columns = {name: table.column(name)[:3000] for name in table.table.column_names}
    messages = messages_of_rows(columns, instrument())
    whole = simulated_market().windows.messages
    assert (messages.book == whole.book[: len(messages)]).all()
    market = Market.of_windows("windows", [messages, messages], 500)
    assert len(market.windows) == 2
    assert market.parts is None


def test_s_is_zero_at_the_floor_and_one_at_the_reference(result: FidelityResult) -> None:
    assert normalised(result.model, result.model, result.reference) == 0.0
    assert result.reference is not None
    assert normalised(result.reference, result.floor, result.reference) == 1.0
    assert normalised(result.model, result.reference, result.floor) is None


def test_a_market_without_numbers_has_fewer_scores() -> None:
    real, model = toy_market(1), toy_market(2)
    parts = []
    for market in (real, model):
        messages = market.windows.messages
        plain = replace(messages.instrument, detail="levels")
        blank = replace(messages, instrument=plain, order_id=messages.order_id * 0)
        parts.append(Market(market.name, Windows(blank, market.windows.length)))
    found = compare(parts[0], parts[1], rng=np.random.default_rng(0))
    assert len(found.model.unconditional) == 20
    assert "nobody knows which order" in found.model.missing["log_time_to_cancel"]
    assert any("tell no orders apart" in caution for caution in found.cautions)


@pytest.mark.parametrize(("detail", "scores"), [("orders", 15), ("levels", 14), ("touch", 10)])
def test_a_feed_of_one_level_has_fewer_still(detail: Detail, scores: int) -> None:
    plain = Instrument("0.01", "1", detail, 1)
    known = [spec.name for spec in UNCONDITIONAL if spec.missing(plain) is None]
    assert len(known) == scores
    assert "ask_volume_touch" in known
    assert "ask_volume" not in known


def test_only_hours_that_both_have_are_compared() -> None:
    real = toy_market(1)
    messages = real.windows.messages
    for hours, there in ((3, True), (12, False)):
        later = replace(messages, ts_ns=messages.ts_ns + hours * 3600 * 10**9)
        found = compare(real, Market("later", Windows(later, 200)), rng=np.random.default_rng(0))
        assert ("spread | time" in found.model.conditional) == there
        if there:  # other windows of the same market fall in the same hours
            assert found.model.conditional["spread | time"].l1 < 1.0
        else:
            assert "--start" in found.model.missing["spread | time"]


def test_bad_input_is_told() -> None:
    real = toy_market(1)
    few = Market("few", real.windows.take(np.arange(2)))
    with pytest.raises(FidelityError, match="few: expected 4 windows of 200 messages at least"):
        compare(real, few, rng=np.random.default_rng(0))
    messages = real.windows.messages
    other = replace(messages, instrument=replace(messages.instrument, tick_size="0.05"))
    with pytest.raises(FidelityError, match=r"other: expected windows of 200 messages of .*0\.01"):
        compare(real, Market("other", Windows(other, 200)), rng=np.random.default_rng(0))
    one_sided = replace(messages, book=messages.book * np.tile([1, 0, 1, 1], 10))
    with pytest.raises(FidelityError, match="one: expected a bid and an ask after most messages"):
        Market.of_windows("one", [one_sided], 200)
    quiet = messages.take(messages.kind != MessageKind.EXECUTION)
    with pytest.raises(FidelityError, match="quiet: expected 20 executions at least, got 0"):
        Market.of_windows("quiet", [quiet], 200)


def test_virtual_orders_wait_behind_the_queue_they_join() -> None:
    market = simulated_market()
    orders = market.fills
    assert orders is not None
    edges = orders.tercile_edges()
    shares = orders.by_tercile(edges).value
    assert (np.diff(shares, axis=1) >= 0).all()  # a later horizon fills no fewer
    assert shares[0, 1] > shares[-1, 1]  # a longer queue fills later
    assert market.parts is not None
    short = market.parts.messages.take(slice(0, 20))
    table = simulated_table()
    parts = type(market.parts).of_stretches(short)
    assert virtual_orders(table, parts) is None


def test_a_market_without_cancels_has_the_scores_that_are_left() -> None:
    markets = []
    for key in (1, 2):
        messages = toy_market(key).windows.messages
        kept = messages.take(np.isin(messages.kind, (MessageKind.LIMIT, MessageKind.EXECUTION)))
        kept = replace(kept, stretch=kept.stretch * 0)
        markets.append(Market(f"no cancels {key}", Windows(kept.take(slice(0, 400)), 80)))
    found = compare(markets[0], markets[1], rng=np.random.default_rng(0))
    assert "the real windows have no value of it" in found.model.missing["log_time_to_cancel"]
    assert "ask_cancellation_levels" in found.model.missing
    assert "limit_ask_order_levels" in found.model.unconditional
    assert len(found.model.divergence) == 0  # windows of 80 messages hold no chunk of 100


def test_divergence_needs_whole_chunks() -> None:
    real, model = toy_market(1).windows, toy_market(2).windows
    assert divergence(real, model, 100).shape == (2,)
    with pytest.raises(ValueError, match="multiples of 150, got 200 and 200"):
        divergence(real, model, 150)


def test_what_is_looked_at_is_what_both_show() -> None:
    table = simulated_table()
    assert instrument_of(table).levels == 10
    split = Split.of_rows("0s,600s", None, table.column("ts_recv"))
    with pytest.raises(FidelityError, match="a stretch of 100000 messages at least"):
        Market.of_table("short", table, split, instrument(), 100_000)
    assert math.isfinite(simulated_market().windows.messages.book.sum())
