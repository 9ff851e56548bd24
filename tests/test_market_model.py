"""Market models: files that read back equal, the rules between fields, the hand-written ones."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from rlmm_tf.book_params import BookMarketParams, ShockParams
from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import GROUPS
from rlmm_tf.market_presets import Kind, falling, large_tick, small_tick, symmetric
from rlmm_tf.params import EnvParams
from rlmm_tf.reference_markets import cont_stoikov_talreja, hawkes, poisson, queue_reactive

MODELS = {
    "large tick": large_tick(),
    "small tick": small_tick(),
    "poisson": poisson(),
    "cont-stoikov-talreja": cont_stoikov_talreja((1.85, 1.51, 1.09, 0.88, 0.77), 0.71, 0.94),
    "hawkes": hawkes(),
    "queue-reactive": queue_reactive(),
}
models = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


# --- files ----------------------------------------------------------------------------------------


@models
def test_a_file_reads_back_equal(model: MarketModel, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    model.save(path)
    back = MarketModel.load(path)
    assert back == model
    assert back.market_hash() == model.market_hash()
    again = tmp_path / "again.json"
    back.save(str(again))
    assert again.read_bytes() == path.read_bytes()


def test_hashes_tell_models_apart() -> None:
    assert len({model.market_hash() for model in MODELS.values()}) == len(MODELS)
    values = small_tick().model_dump()
    values["season_bin_s"] = 0.0
    assert MarketModel.model_validate(values).market_hash() == small_tick().market_hash()
    values["typical"]["touch_lots"] = math.nextafter(values["typical"]["touch_lots"], 1e9)
    assert MarketModel.model_validate(values).market_hash() != small_tick().market_hash()


def put(place: tuple[Any, ...], value: Any) -> Any:
    def change(document: dict[str, Any]) -> None:
        *above, last = place
        inner: Any = document
        for part in above:
            inner = inner[part]
        if value is None:
            del inner[last]
        else:
            inner[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(("schema",), "other"), "schema: expected 'rlmm-tf market model', got 'other'"),
        (put(("schema_version",), 1), "schema_version: expected 4, got 1; .* calibrate again"),
        (put(("schema_version",), None), "schema_version: expected 4, got None$"),
        (put(("market_hash",), "0"), "market_hash: expected [0-9a-f]{64} of the values, got '0'; "),
        (put(("market_hash",), None), "market_hash: expected [0-9a-f]{64} .*, got None"),
        (put(("model", "season_bin_s"), None),
         r"model\.season_bin_s: expected a value, got none"),
        (put(("model", "groups", 2, "state_factor"), None),
         r"model\.groups\[2\]\.state_factor: expected a value, got none"),
        (put(("model", "groups", 2, "state_factors"), [1.0]),
         r"model\.groups\[2\]\.state_factors: expected one of .*; did you mean 'state_factor'\?"),
        (put(("model", "groups"), None), r"model\.groups: expected a value, got none"),
        (put(("model", "groups", 2, "baseline_hz"), "1"),
         r"model\.groups\[2\]\.baseline_hz: expected a number, got '1'"),
        (put(("model", "typical", "touch_lots"), 3.0), "market_hash: .* by hand or damaged"),
        (put(("model",), [3]), "model: expected values by name, got"),
    ],
)  # fmt: skip
def test_wrong_files(change: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    large_tick().save(path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=f"^{path}: {message}"):
        MarketModel.load(path)


@pytest.mark.parametrize("text", ["", "{", "3", "[]", "null"])
def test_files_that_hold_no_model(text: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"^{path}: (schema: )?expected"):
        MarketModel.load(path)


# --- rules between fields (values are held to the engine's in tests/env/test_book_refusals.py) ----


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"excitation": [0.3] * 144}, "radius of at most 0.97 .*, got 7.2; scale the excitation"),
        ({"excitation": [0.0] * 143}, "decays x 6 x 6 = 144 values, got 143"),
        ({"decays_hz": [1.0, 1.0, 2.0, 3.0]}, r"distinct values, got \[1.0\] more than once"),
        ({"spread_bin_ticks": [1, 3, 3]}, "spread_bin_ticks: expected rising values, got 3 before"),
        ({"spread_bin_ticks": [2, 3, 4]}, "expected 1 as the first lower edge, got 2"),
        ({"season_bin_s": 60.0}, "expected 0 without any season_factor, got 60.0"),
        ({"far_level_orders": [0.5, 0.4]}, "far_level_orders: expected a sum of 1, got 0.9"),
        ({"limit_marks": [{"resting": [1.0]}] * 2}, r"one per spread bin \(3\), got 2"),
        ({"hit_gap_factor": [1.0]}, r"one value per bin of hit_gap_bin_ticks \(0\), got 1"),
        ({"regime_volatility_factor": [1.0]}, r"none or 2 values \(one per regime\), got 1"),
    ],
)
def test_wrong_models(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MarketModel.model_validate(large_tick().model_dump() | changes)


def test_overlapping_shocks() -> None:
    first = ShockParams(kind="fees", start_ns=5, duration_ns=10, value=2.0)
    for start_ns, other, apart in ((15, "fees", True), (14, "fees", False), (14, "latency", True)):
        second = ShockParams(kind=other, start_ns=start_ns, duration_ns=1, value=2.0)
        assert first.overlaps(second) == second.overlaps(first) == (not apart)
        if apart:
            BookMarketParams(model=poisson(), shocks=(first, second))
        else:
            with pytest.raises(ValidationError, match="apart in time, got 0 and 1 together"):
                BookMarketParams(model=poisson(), shocks=(first, second))


@pytest.mark.parametrize(
    ("kind", "acts", "does_not"),
    [
        ("latency", {"latency": {"feed": {"median_ns": 1}}}, {}),
        ("fees", {"fees": {"taker_bps": 0.1}}, {"fees": {"maker_bps": -0.2}}),
    ],
)
def test_shocks_that_would_do_nothing(
    kind: str, acts: dict[str, Any], does_not: dict[str, Any]
) -> None:
    shock = {"kind": kind, "start_ns": 0, "duration_ns": 5, "value": 10.0}
    market = {"kind": "book", "model": poisson().model_dump(), "shocks": [shock]}
    EnvParams.model_validate({"market": market, **acts})
    with pytest.raises(ValidationError, match=rf"shocks\[0\].kind: expected no {kind} shock"):
        EnvParams.model_validate({"market": market, **does_not})


# --- the hand-written ones ------------------------------------------------------------------------


def mirror(model: MarketModel) -> MarketModel:
    """With bid and ask exchanged, in the parameters."""
    n_imbalance = len(model.imbalance_bin_edges) + 1
    groups = []
    for g in range(len(GROUPS)):
        values = model.groups[g ^ 1].model_dump()
        states = np.reshape(values["state_factor"], (-1, n_imbalance))
        groups.append(values | {"state_factor": states[:, ::-1].ravel().tolist()})
    kernels = np.reshape(model.excitation, (-1, 3, 2, 3, 2))[:, :, ::-1, :, ::-1]
    edges = [-edge for edge in reversed(model.imbalance_bin_edges)]
    return MarketModel.model_validate(
        model.model_dump()
        | {
            "groups": groups,
            "excitation": kernels.ravel().tolist(),
            "imbalance_bin_edges": edges,
        }
    )


@models
def test_bid_and_ask_are_alike(model: MarketModel) -> None:
    assert mirror(model) == model


@models
def test_nothing_explodes(model: MarketModel) -> None:
    assert model.branching_radius() < 0.6
    assert model.events_hz_bound() < 100


def test_symmetric_takes_the_own_side_first() -> None:
    groups, excitation = symmetric(
        (Kind(1.0, lambda spread, own: 10.0 * spread + own), Kind(2.0), Kind(3.0)),
        n_spread_bins=2,
        n_imbalance_bins=3,
        same=((1, 2, 3), (4, 5, 6), (7, 8, 9)),
        opposite=((10, 20, 30), (40, 50, 60), (70, 80, 90)),
        decay_shares=(0.5, 0.25),
        orders_at_risk=2.0,
    )
    assert groups[0].state_factor == (0, 1, 2, 10, 11, 12)  # bids are longest in the last bin
    assert groups[1].state_factor == (2, 1, 0, 12, 11, 10)
    assert [group.baseline_hz for group in groups] == [1, 1, 2, 2, 1.5, 1.5]
    kernels = np.reshape(excitation, (2, 6, 6))
    assert kernels[0, 0].tolist() == [0.5, 5, 1, 10, 1.5, 15]
    assert kernels[0, 3].tolist() == [20, 2, 25, 2.5, 30, 3]
    assert kernels[1, 4].tolist() == [0.875, 8.75, 1, 10, 1.125, 11.25]  # 7 x 0.25 / 2


def test_falling_shares() -> None:
    assert falling(3, 0.5, 0.7) == pytest.approx((0.4, 0.2, 0.1))
    assert falling(3, 0.5, 0.5, first=3.5) == pytest.approx((7 / 17, 1 / 17, 0.5 / 17))


def test_limit_orders_by_their_distance_from_the_other_side() -> None:
    """Cont, Stoikov & Talreja: at any spread, i ticks from the other side's best at rate i."""
    rates = (4.0, 2.0, 1.0, 1.0)
    model = cont_stoikov_talreja(rates, 0.5, 0.25)
    assert model.spread_bin_ticks == (1, 2, 3, 4)
    for spread, marks in enumerate(model.limit_marks, start=1):
        found = dict.fromkeys(range(1, 5), 0.0)
        for better, share in enumerate(marks.improving, start=1):
            found[spread - better] += share * 8.0
        for away, share in enumerate(marks.resting):
            if share > 0.0:
                found[spread + away] += share * 8.0
        assert tuple(found.values()) == rates
    # A level that comes into reach holds Poisson(1 / 0.5) orders.
    assert model.far_level_orders[:3] == pytest.approx([math.exp(-2) * p for p in (1, 2, 2)])
    assert [group.baseline_hz for group in model.groups] == [0.25, 0.25, 8, 8, 0.5, 0.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), 1.0, 1.0), "lambda_by_distance: expected 1 to 64 rates, got 0"),
        (((1.0,) * 65, 1.0, 1.0), "lambda_by_distance: expected 1 to 64 rates, got 65"),
        (((1.0, 0.0), 1.0, 1.0), "lambda_by_distance: expected a last rate above 0 .* got 0.0"),
        (((1.0,), 0.0, 1.0), "theta: expected above 0, got 0.0"),
    ],
)
def test_wrong_rates(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cont_stoikov_talreja(*arguments)


def test_what_is_left_of_a_model() -> None:
    model = small_tick()
    excited, driven = hawkes(model), queue_reactive(model, orders_at_risk=120.0)
    assert excited.excitation == model.excitation
    assert driven.excitation == ()
    assert not any(group.state_factor for group in excited.groups)
    assert driven.groups[0].state_factor == model.groups[0].state_factor
    for left in (excited, driven):
        assert left.n_regimes == 1
        assert left.informed.volatility_ticks == 0.0
        assert left.limit_marks == model.limit_marks
    # The rates solve rates = baselines + kernels x rates, cancels counted 120 times.
    counted = np.array([1, 1, 1, 1, 120, 120])
    rates = counted * [group.baseline_hz for group in driven.groups]
    baselines = counted * [group.baseline_hz for group in model.groups]
    kernels = np.reshape(model.excitation, (4, 6, 6)).sum(axis=0) * counted[:, np.newaxis]
    assert rates == pytest.approx(baselines + kernels @ rates)
    with pytest.raises(ValueError, match="orders_at_risk: expected a number"):
        queue_reactive(model)
