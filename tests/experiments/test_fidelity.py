"""`rlmm fidelity` as it is typed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rich.console  # noqa: F401 -- its import draws from the global generator

from calibration.fidelity.trials import run_trials
from calibration.ladder import Ladder, Rung
from experiments import cli, fidelity
from experiments.fidelity import stretches_of
from rlmm_tf.events import EventTable
from rlmm_tf.market_presets import small_tick
from tests.calibration.fidelity.simulated import MINUTES, simulated_table


@pytest.fixture(autouse=True)
def in_a_folder_with_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2):
        simulated_table(seed=seed).write(f"{seed}.parquet")


def test_json_and_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["fidelity", "1.parquet", "2.parquet", "--blocks", "odd:600s", "--json"]
    assert cli.main([*asked, "--reference", "2.parquet"]) == 0
    out, err = capsys.readouterr()
    values = json.loads(out)
    assert err == ""
    assert 0 < values["mean_l1"] < 0.2
    assert values["s"] == 1.0  # the reference is the model itself
    assert values["stretches"] == "--blocks odd:600s"
    assert values["scored_s"] == pytest.approx(MINUTES * 30, rel=0.02)
    assert values["html"] is None
    assert not list(Path().glob("*.html"))


def test_people_see_the_gates(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fidelity", "1.parquet", "2.parquet"]) == 0
    out = capsys.readouterr().out
    for word in ("mean_l1", "G1 mean L1", "facts", "2.parquet.fidelity.html"):
        assert word in out
    page = Path("2.parquet.fidelity.html")
    text = page.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    page.write_text(text + "old", "utf-8")
    assert cli.main(["fidelity", "1.parquet", "2.parquet"]) == 0
    assert page.read_text("utf-8") == text
    page.write_text("something else", "utf-8")
    assert cli.main(["fidelity", "1.parquet", "2.parquet"]) == 2
    assert "--html: expected no file there" in capsys.readouterr().err


def test_without_a_word_every_second_block_is_scored() -> None:
    table = EventTable.read("1.parquet")
    found = stretches_of(table, None, None)
    assert found.text == f"--blocks odd:{MINUTES * 60 // 40 - 1}s"
    assert found.others is not None
    assert found.scored.seconds == pytest.approx(found.others.seconds, rel=0.1)
    whole = stretches_of(table, ",", None)
    assert whole.others is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no.parquet", "2.parquet"], "REAL.parquet: expected a file, got no.parquet"),
        (["1.parquet", "2.parquet", "--reference", "no"], "--reference: expected a file"),
        (["1.parquet", "2.parquet", "--html", "no/x.html"], "--html: expected a folder"),
        (["1.parquet", "2.parquet", "--span", "noon"], "--span: expected two of"),
        (["1.parquet", "2.parquet", "--blocks", "odd:20s"], "windows: expected a stretch of 500"),
        (["1.parquet", "text.parquet"], "text.parquet: expected a parquet file"),
        (["1.parquet", "other.parquet"], "tick_size: expected that of the real table (0.01)"),
        (["1.parquet", "trades.parquet"], "SIM: expected limit orders or changes of levels"),
    ],
)
def test_bad_input(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.parquet").write_text("no table")
    table = simulated_table()
    metadata = {**dict(table.table.schema.metadata), b"tick_size": b"0.05"}
    EventTable(table.table.replace_schema_metadata(metadata)).write("other.parquet")
    trades = table.table.filter(np.asarray(table.column("kind") == 4))
    EventTable(trades).write("trades.parquet")
    assert cli.main(["fidelity", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not list(Path().glob("*.html"))


def test_the_reference_is_fitted_unless_it_is_not_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["fidelity", "1.parquet", "2.parquet", "--blocks", "odd:600s", "--json"]
    assert cli.main(asked) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["columns"]["reference"]["name"] == "Cont-Stoikov-Talreja"
    assert values["columns"]["reference"]["mean_l1"] > 2.0 * values["mean_l1"]
    assert 0.0 <= values["s"] < 0.3
    assert cli.main([*asked, "--no-reference"]) == 0
    assert json.loads(capsys.readouterr().out)["s"] is None
    assert cli.main(["fidelity", "1.parquet", "2.parquet", "--span", ",", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["s"] is None  # nothing is left to fit it to


def test_ladder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def two(self: Ladder, progress: Callable[[str], None]) -> Iterator[Rung]:
        yield from itertools.islice(rungs(self, progress), 2)

    rungs = Ladder.rungs
    monkeypatch.setattr(Ladder, "rungs", two)
    assert cli.main(["fidelity", "1.parquet", "--ladder"]) == 0
    shown = capsys.readouterr().out
    assert "Poisson" in shown
    assert "1.parquet.ladder.html" in shown
    page = Path("1.parquet.ladder.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "Cont-Stoikov-Talreja" in page
    assert cli.main(["fidelity", "1.parquet", "--ladder", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [rung["name"] for rung in values["rungs"]] == ["Poisson", "Cont-Stoikov-Talreja"]
    assert values["rungs"][1]["mean_l1"] < values["rungs"][0]["mean_l1"]
    assert values["floor"]["mean_l1"] < values["rungs"][1]["mean_l1"]
    assert values["html"] is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ladder", "--reference", "2.parquet"], "--reference: expected nothing beside --ladder"),
        (["2.parquet", "--ladder"], "SIM: expected nothing beside --ladder"),
        (["--ladder", "--span", ","], "--span: expected stretches that are left to fit to"),
        (["--ladder", "--html", "no/x.html"], "--html: expected a folder"),
        ([], "SIM: expected a table or a market.json, or --ladder"),
    ],
)
def test_bad_ladder(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fidelity", "1.parquet", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_an_agent_is_let_into_the_market_of_a_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fidelity, "run_trials", partial(run_trials, pairs=4, episodes=4))
    small_tick().save("market.json")
    asked = ["fidelity", "1.parquet", "market.json", "--blocks", "odd:600s", "--no-reference"]
    assert cli.main([*asked, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert len(values["trials"]["metaorders"]["lots"]) == 4
    assert len(values["trials"]["probes"]) == 6
    gates = {gate["name"]: gate for gate in values["gates"]}
    assert gates["G17"]["value"] == sum(probe["pays"] for probe in values["trials"]["probes"])
    assert gates["G17"]["must"] == (gates["G17"]["value"] == 0)
    assert gates["G16"]["must"] is not None
    assert cli.main(asked) == 0
    capsys.readouterr()
    assert "An agent in the market" in Path("market.json.fidelity.html").read_text("utf-8")
    assert cli.main([*asked, "--json", "--no-trials"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["trials"] is None
    assert {gate["name"]: gate for gate in values["gates"]}["G16"]["must"] is None
