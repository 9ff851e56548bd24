"""Layouts: which column is where, and what it is in natural units."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rlmm_tf.env import FEATURES, observation_layout
from rlmm_tf.features import ObservationColumn, ObservationLayout
from rlmm_tf.presets import preset, resolve_params

LAYOUT = ObservationLayout(
    (
        ObservationColumn("time_left", "s", 2.0, 0.0, 10.0),
        ObservationColumn("inventory", "lots", 20.0, -10.0, 10.0),
    )
)


def test_layout() -> None:
    assert len(LAYOUT) == 2
    assert LAYOUT.names == ("time_left", "inventory")
    assert LAYOUT.index("inventory") == 1
    assert LAYOUT.scale("inventory") == 20.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        LAYOUT.columns = ()


def test_natural_units() -> None:
    # 0.25 of 20 lots are 5; -1 of them -20.
    observations = np.array([[[0.5, 0.25]], [[1.0, -1.0]]], np.float32)
    inventory = LAYOUT.natural(observations, "inventory")
    assert inventory.tolist() == [[5.0], [-20.0]]
    assert inventory.dtype == np.float64
    assert LAYOUT.natural(observations, "time_left").tolist() == [[1.0], [2.0]]
    assert LAYOUT.natural(observations[0, 0], "time_left") == 1.0


def test_unknown_column_lists_those_there_are() -> None:
    for call in (LAYOUT.index, LAYOUT.scale, lambda name: LAYOUT.natural(np.zeros((1, 2)), name)):
        with pytest.raises(KeyError) as caught:
            call("spread")
        assert caught.value.args[0] == (
            "observation column 'spread': expected one of ['time_left', 'inventory']; "
            "add it to observation.features"
        )


def test_engine_table_describes_every_feature() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert all(feature.meaning and feature.normalisation for feature in FEATURES)
    assert [f.name for f in FEATURES if f.repeat == "regime"] == ["regime", "regime_probability"]
    assert {f.repeat for f in FEATURES} == {"once", "regime", "level", "horizon"}
    assert all(f.needs_book for f in FEATURES if f.repeat in {"level", "horizon"})


def test_layout_has_the_asked_for_order() -> None:
    features = tuple(f.name for f in reversed(FEATURES) if not f.needs_book)
    layout = observation_layout(resolve_params("R1", {"observation": {"features": features}}))
    assert layout.names[:4] == (
        "regime_probability_0", "regime_probability_1", "regime_0", "regime_1",
    )  # fmt: skip
    assert layout.names[4:] == features[2:]
    # A column per regime and none else has another width.
    assert len(layout) == len(features) + 2


def test_scales_and_bounds() -> None:
    layout = observation_layout(
        resolve_params(
            "P1", {"observation": {"features": ("time_left", "inventory", "bid_offset"), "clip": 3}}
        )
    )
    time_left, inventory, offset = layout.columns
    assert (time_left.unit, time_left.scale, time_left.low, time_left.high) == ("s", 1.0, 0.0, 3.0)
    assert (inventory.unit, inventory.scale, inventory.low) == ("lots", 20.0, -3.0)
    assert offset.scale == preset("P1").action.offset_max_ticks
