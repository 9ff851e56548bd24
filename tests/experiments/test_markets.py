"""Where agents are trained and played: presets, market.json, recordings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import main
from experiments.errors import ConfigError
from experiments.markets import (
    PROBLEM_NAME,
    Market,
    kept_market,
    replayed_market,
    simulated_market,
)
from rlmm_tf.market_presets import small_tick
from rlmm_tf.presets import preset

TRAINING = """
problem: {market}
overrides: {{episode: {{n_steps: 20}}, market: {{warmup_ns: 1_000_000_000}}}}
agent:
  steps: 800
  rollout_steps: 400
  gamma: 0.99
  hidden: [8]
  value_hidden: [8]
  evaluation: {{times: 2, episodes: 8}}
"""


def refusal(job: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        job()
    return "\n".join(f"{p.where}: {p.message}" for p in caught.value.problems)


def test_a_run_keeps_the_market_that_it_was_trained_in(tmp_path: Path) -> None:
    market = Market("book-small-tick", preset("book-small-tick"), ("hawkes: explosive",))
    (tmp_path / PROBLEM_NAME).write_text(market.to_json())
    assert kept_market(tmp_path) == market
    assert kept_market(tmp_path).params.content_hash() == market.params.content_hash()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "expected the problem of a run of rlmm train, got: No such file"),
        ("[]", "got something else"),
        ("{", "got something else"),
        ('{"market": "x", "cautions": [], "params": {"seed": 1}}', "params|seed|market"),
    ],
)
def test_what_is_no_kept_market_is_refused(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / PROBLEM_NAME).write_text(text)
    message = refusal(lambda: kept_market(tmp_path))
    assert PROBLEM_NAME in message
    assert re.search(said, message)


def test_names_that_are_no_market_are_refused(tmp_path: Path) -> None:
    assert "did you mean 'book-small-tick'" in refusal(
        lambda: simulated_market("book-smal-tick", "--market")
    )
    broken = tmp_path / "market.json"
    broken.write_text("{}")
    assert refusal(lambda: simulated_market(str(broken), "problem")).startswith("problem: ")
    assert refusal(lambda: replayed_market(str(broken), "--replay")).startswith("--replay: ")


def test_an_agent_is_trained_in_a_calibrated_market(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorflow")
    market, config, run = tmp_path / "market.json", tmp_path / "train.yaml", tmp_path / "run"
    small_tick().save(market)
    config.write_text(TRAINING.format(market=json.dumps(str(market))))
    command = ["train", str(config), "--out", str(run), "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["problem"] == str(market)
    kept = kept_market(run)
    assert kept.params.market.kind == "book"
    assert kept.params.episode.n_steps == 20

    # What happens to the file afterwards is nothing to the run, unless it is to go on in it.
    market.unlink()
    typical = small_tick().typical.model_copy(update={"touch_lots": 1.0})
    small_tick().model_copy(update={"typical": typical}).save(market)
    play = ["evaluate", str(run), "--episodes", "2", "--out", str(tmp_path / "played"), "--json"]
    assert main(play) == 0
    assert json.loads(capsys.readouterr().out)["market"] == str(market)
    assert main([*command, "--resume"]) == 2
    assert "expected the market that the run was begun with" in capsys.readouterr().err
