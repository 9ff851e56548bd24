"""The table of episodes: what it refuses, and that a file is what was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlmm_tf.evaluation.episodes import (
    COLUMN_NAMES,
    EPISODE_COLUMNS,
    EpisodeMetadata,
    Episodes,
    EpisodeTable,
)

METADATA = EpisodeMetadata(
    market="m", problem_sha256="0" * 64, seed=1, tick_value=0.01, step_ns=10**9, steps=10,
    inventory_cap_lots=5, mid_ticks_x2=2001,
)  # fmt: skip


def values(n: int = 3, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = {c.name: np.zeros(n, c.dtype) for c in EPISODE_COLUMNS}
    found["environment"] = np.arange(n)
    return found | {name: np.asarray(value) for name, value in given.items()}


def table() -> EpisodeTable:
    some = values(pnl_x2=[1, 5, -2], pnl_spread_x2=[3, 5, 0], pnl_inventory_x2=[-2, 1, -1],
                  pnl_fees_x2=[0, -1, -1], reward=[0.25, 0.5, -1.0])  # fmt: skip
    stressed = values(events=[7, 8, 9])
    return EpisodeTable(
        METADATA,
        (Episodes("a", some), Episodes("b", values()), Episodes("a", stressed, "halt:2")),
    )


def test_a_file_is_what_was_written(tmp_path: Path) -> None:
    written = table()
    (tmp_path / "t.parquet").write_bytes(written.to_bytes())
    read = EpisodeTable.read(tmp_path / "t.parquet")
    assert read.metadata == METADATA
    assert [(b.policy, b.setting) for b in read] == [("a", ""), ("b", ""), ("a", "halt:2")]
    for ours, theirs in zip(written, read, strict=True):
        for name in COLUMN_NAMES:
            assert ours[name].dtype == theirs[name].dtype
            np.testing.assert_array_equal(ours[name], theirs[name])
    assert read.to_bytes() == written.to_bytes()
    assert (read.policies, read.settings) == (("a", "b"), ("", "halt:2"))
    assert len(read.of("a", "halt:2")) == 3


def test_capital_pays_for_the_largest_position() -> None:
    assert METADATA.capital == pytest.approx(1000.5 * 5 * 0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pnl_x2": [1, 0, 0]}, r"pnl_x2: expected the sum of its parts, got another in episode 0"),
        ({"events": [1.0, 2.0, 3.0]}, r"events: expected a row of .*int64.*, got float64"),
        ({"events": [[1], [2], [3]]}, r"events: expected a row"),
        ({"reward": [np.nan, 0.0, 0.0]}, r"reward: expected finite numbers"),
        ({"inventory_lots_s": [np.inf, 0.0, 0.0]}, r"inventory_lots_s: expected finite"),
        ({"events": [1, 2]}, r"expected columns of one length"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Episodes("a", values(**change))


def test_no_episode_is_no_block() -> None:
    with pytest.raises(ValueError, match="one length above 0"):
        Episodes("a", values(0))
    missing = values()
    del missing["events"]
    with pytest.raises(ValueError, match="events: expected a row"):
        Episodes("a", missing)


def test_two_blocks_of_one_kind_are_refused() -> None:
    one = Episodes("a", values())
    with pytest.raises(ValueError, match="expected one for each policy and setting"):
        EpisodeTable(METADATA, (one, one))
    with pytest.raises(ValueError, match="got none"):
        EpisodeTable(METADATA, ())


def test_episodes_of_other_environments_are_no_pairs() -> None:
    one, other = Episodes("a", values()), Episodes("b", values(environment=[0, 2, 1]))
    with pytest.raises(ValueError, match="expected the same episodes of everybody, got others of"):
        EpisodeTable(METADATA, (one, other))


@pytest.mark.parametrize(
    ("name", "value"),
    [("tick_value", float("nan")), ("tick_value", -1.0), ("steps", 0), ("step_ns", 0),
     ("inventory_cap_lots", 0)],
)  # fmt: skip
def test_metadata_that_no_number_can_be_computed_of(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected"):
        replace(METADATA, **{name: value})


def test_an_unknown_block_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"\['a', 'b'\].*'c'"):
        table().of("c")


def _text(path: Path) -> None:
    path.write_text("no parquet")


def _foreign(path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), path)


def _another_version(path: Path) -> None:
    path.write_bytes(EpisodeTable(replace(METADATA, schema_version=9), table().blocks).to_bytes())


def _without_a_column(path: Path) -> None:
    whole = pq.read_table(pa.BufferReader(table().to_bytes()))
    pq.write_table(whole.drop_columns(["events"]), path)


def _changed(path: Path, name: str, column: Any) -> None:
    whole = pq.read_table(pa.BufferReader(table().to_bytes()))
    place = whole.column_names.index(name)
    pq.write_table(whole.set_column(place, name, pa.array(column)), path)


def _not_a_number(path: Path) -> None:
    _changed(path, "reward", [float("nan")] * 9)


def _parts_that_do_not_add_up(path: Path) -> None:
    _changed(path, "pnl_x2", list(range(9)))


def _empty(path: Path) -> None:
    whole = pq.read_table(pa.BufferReader(table().to_bytes()))
    pq.write_table(whole.slice(0, 0), path)


@pytest.mark.parametrize(
    "write",
    [_text, _foreign, _another_version, _without_a_column, _not_a_number,
     _parts_that_do_not_add_up, _empty],
)  # fmt: skip
def test_other_files_are_refused(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"t\.parquet: expected a table of episodes"):
        EpisodeTable.read(tmp_path / "t.parquet")
