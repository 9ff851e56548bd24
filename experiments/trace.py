"""One episode of an evaluation, played once more and written down: `rlmm trace`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config import load_config
from experiments.errors import ConfigError, Problem, RunDirectoryError, shown_place
from experiments.evaluation_config import EvaluateConfig
from experiments.kept import TABLE_NAME
from experiments.players import market_from, played_seed, player_again
from experiments.run import CONFIG_NAME, write_atomically
from reports.player import player_page
from rlmm_tf.evaluation.episodes import EpisodeTable
from rlmm_tf.evaluation.events import EpisodeEvents, episode_events, events_bytes

EVENTS_NAME, PLAYER_NAME = "events.parquet", "player.html"


def run_trace(
    run: Path, *, policy: str | None, episode: str | None, out: Path | None
) -> dict[str, Any]:
    """Plays it, holds it against the run's table, and writes two files.

    Raises:
        ConfigError: there is no such run, policy or episode, or the market has no book.
        RunDirectoryError: what is played now is not what was played then.
    """
    table = _table(run)
    config = load_config(run / CONFIG_NAME, [], EvaluateConfig)
    name = policy or config.players[0]
    number = _number(episode or "0", config.episodes)
    market = market_from(config)
    player = player_again(config, market, run, name)
    try:
        events = episode_events(player, environment=number, seed=played_seed(config))
    except ValueError as error:
        raise ConfigError([Problem(shown_place(run), str(error))]) from error
    _require_same(events, table, name, number, run)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[-60:] or "policy"
    folder = out or run / f"trace-{plain}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    page = player_page(
        events,
        title=f"{name}, episode {number}",
        lead=f"{market.name}, seed {config.seed}; {_told(events)}",
        tick_value=market.params.tick_value,
    )
    write_atomically(folder / EVENTS_NAME, events_bytes(events))
    write_atomically(folder / PLAYER_NAME, page)
    return {
        "policy": name,
        "episode": number,
        "book_events": len(events.book["ts_ns"]),
        "own_events": len(events.agent["ts_ns"]),
        "events": str(folder / EVENTS_NAME),
        "player": str(folder / PLAYER_NAME),
    }


def _told(events: EpisodeEvents) -> str:
    if not len(events.book["ts_ns"]):
        return "a recording's own events are not shown"
    return f"{len(events.book['ts_ns'])} events of the book"


def _table(run: Path) -> EpisodeTable:
    path = run / TABLE_NAME
    if not path.is_file() or not (run / "evaluation.json").is_file():
        message = "expected a finished run of rlmm evaluate, got something else"
        raise ConfigError([Problem(shown_place(run), message)])
    try:
        return EpisodeTable.read(path)
    except ValueError as error:
        raise ConfigError([Problem(shown_place(run), str(error))]) from error


def _number(text: str, episodes: int) -> int:
    if not text.isdecimal() or int(text) >= episodes:
        message = f"expected an episode from 0 to {episodes - 1}, got {text!r}"
        raise ConfigError([Problem("--episode", message)])
    return int(text)


def _require_same(
    events: EpisodeEvents, table: EpisodeTable, name: str, number: int, run: Path
) -> None:
    """The episode must end as it did when it was played: engine and files may have changed."""
    parts = ("pnl_spread", "pnl_inventory", "pnl_fees")
    pnl_x2 = 2.0 * float(np.sum([events.steps[part] for part in parts]))
    then = int(table.of(name)["pnl_x2"][number])
    if round(pnl_x2) != then:
        message = (
            f"expected the episode to end as in the table, with {then} half tick lots, got "
            f"{pnl_x2:g}; it was played by another version: evaluate anew"
        )
        raise RunDirectoryError([Problem(shown_place(run), message)])
