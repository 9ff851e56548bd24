"""`rlmm trace`: an episode once more, event by event, and the page that plays it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from experiments.cli import main
from reports.player import player_page
from rlmm_tf.evaluation.episodes import EpisodeTable
from rlmm_tf.evaluation.events import EpisodeEvents, episode_events
from tests.evaluation.problems import skewed, small_problem
from tests.experiments.test_evaluate import SHORT, refused, run_json, trained
from tests.reports.test_page import HOSTILE, tags_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation of a trained agent and two baselines."""
    folder = tmp_path_factory.mktemp("trace")
    agent = trained(folder / "agent")
    arguments = ["evaluate", str(agent), "random", "fixed", "--episodes", "3", *SHORT]
    assert main([*arguments, "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.mark.parametrize("place", [0, 1])
def test_the_events_are_those_of_the_episode(
    run: Path, place: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = EpisodeTable.read(run / "episodes.parquet")
    name = table.policies[place]
    arguments = ["trace", str(run), "--policy", name, "--episode", "2", "--out", str(tmp_path)]
    result = run_json(arguments, capsys)
    rows = pq.read_table(result["events"])
    source, kind = (np.array(rows.column(n).to_pylist()) for n in ("source", "kind"))
    lots = rows.column("qty_lots").to_numpy()
    assert (np.diff(rows.column("ts_ns").to_numpy()) >= 0).all()
    assert (source == "book").sum() == result["book_events"] > 100
    played = table.of(name)
    bought = np.isin(kind, ("maker", "taker")) & (rows.column("side").to_numpy() == 1)
    sold = np.isin(kind, ("maker", "taker")) & (rows.column("side").to_numpy() == -1)
    traded = played["maker_bid_lots"] + played["maker_ask_lots"] + played["taker_lots"]
    assert lots[bought].sum() + lots[sold].sum() == traded[2]
    assert lots[bought].sum() - lots[sold].sum() == played["inventory_end_lots"][2]
    assert (
        np.isin(kind, ("new", "replace", "cancel"))[source == "agent"].sum()
        == (played["messages"][2])
    )
    missing = rows.column("ahead_lots").is_null().to_numpy()
    np.testing.assert_array_equal(missing, source == "book")


def test_the_first_policy_and_episode_are_the_default(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_json(["trace", str(run)], capsys)
    assert (result["episode"], result["policy"]) == (0, str(run.parent / "agent"))
    assert Path(result["player"]).parent.parent == run
    first = Path(result["player"]).read_bytes()
    assert run_json(["trace", str(run)], capsys) == result
    assert Path(result["player"]).read_bytes() == first
    assert len(first) < 3_000_000


BAD: dict[str, tuple[list[str], str]] = {
    "no such policy": (["--policy", "fixd"], "did you mean 'fixed'?"),
    "no such episode": (["--episode", "3"], "expected an episode from 0 to 2, got '3'"),
    "an episode that is no number": (["--episode", "-1"], "expected an episode from 0 to 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_in_a_line(
    name: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = BAD[name]
    assert message in refused(["trace", str(run), *arguments], capsys)


def test_what_is_no_run_or_another_one_now_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "expected a finished run of rlmm evaluate" in refused(["trace", str(tmp_path)], capsys)
    arguments = ["evaluate", "fixed", "--market", "P1", "--episodes", "2",
                 "--set", "tuning_episodes=2", "--set", "overrides.episode.n_steps=10"]  # fmt: skip
    assert main([*arguments, "--out", str(tmp_path / "plain")]) == 0
    capsys.readouterr()
    error = refused(["trace", str(tmp_path / "plain")], capsys)
    assert "expected a market with a book" in error
    policy = run.parent / "agent" / "policy.safetensors"
    kept = policy.read_bytes()
    other = trained(tmp_path / "other", seed=5)
    policy.write_bytes((other / "policy.safetensors").read_bytes())
    assert "as when the run began" in refused(["trace", str(run)], capsys)
    policy.write_bytes(kept)


def events() -> EpisodeEvents:
    return episode_events(skewed(small_problem()), environment=1, seed=np.random.SeedSequence(4))


def player(events: EpisodeEvents, title: str = "t", lead: str = "l") -> str:
    return player_page(events, title=title, lead=lead, tick_value=0.5)


def data_of(page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1]  # type: ignore[index]
    )
    return found


def test_the_page_allows_its_own_script_and_style_only() -> None:
    page = player(events())
    policy = re.search(r'Content-Security-Policy" content="(.*?)">', page)[1]  # type: ignore[index]
    assert policy.startswith("default-src 'none'; ")
    for tag, kind in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page == player(events())


def test_frames_are_what_the_events_say() -> None:
    found = events()
    data = data_of(player(found))
    steps = found.steps
    gains = steps["pnl_spread"] + steps["pnl_inventory"] + steps["pnl_fees"]
    assert data["pnl"][-1] == pytest.approx(0.5 * gains.sum())
    assert data["inventory"][-1] == steps["inventory_lots"][-1]
    assert data["mid"][-1] == steps["mid_ticks_x2"][-1] / 2
    assert len({len(data[name]) for name in ("ts", "depth", "own", "mid", "inventory")}) == 1
    assert data["ts"] == sorted(data["ts"])
    assert data["depth"][0] == found.book["depth"][found.book["ts_ns"] <= 0][-1].tolist()
    assert any(bid[1] > 0 for bid, _ in data["own"])


def test_names_never_become_markup() -> None:
    plain, hostile = player(events()), player(events(), f"{HOSTILE}</script>", HOSTILE)
    assert [tag for tag, _ in tags_of(plain).seen] == [tag for tag, _ in tags_of(hostile).seen]
