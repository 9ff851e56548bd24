"""Some seeds of `experiments.benchmarks.exchange_faults`, and that it notices what it should."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from experiments.benchmarks.exchange_client import Broken
from experiments.benchmarks.exchange_faults import run_seed
from rlmm_tf.live.ledger import Account
from rlmm_tf.live.recovery import Keeper

SEEDS = 4
TICKS = 200


def test_nothing_is_lost_or_doubled_whatever_goes_wrong() -> None:
    found = [run_seed(seed, ticks=TICKS) for seed in range(10_000_000, 10_000_000 + SEEDS)]
    faults: Counter[str] = Counter()
    for each in found:
        faults.update(each["faults"])
    kinds = {"delay", "disconnect", "duplicate", "kill", "repeat", "short_write", "silence"}
    assert {kind for kind in kinds if faults[kind] > 0} == kinds
    assert faults.total() > 25 * SEEDS
    assert sum(each["fills"] for each in found) > 10 * SEEDS


def test_the_same_seed_is_the_same_session() -> None:
    assert run_seed(5, ticks=TICKS) == run_seed(5, ticks=TICKS)


def first_broken(seeds: int = 12) -> str:
    for seed in range(seeds):
        try:
            run_seed(seed, ticks=300)
        except (Broken, ValueError) as error:
            return str(error)
    return ""


def test_telling_before_keeping_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = Keeper.commit
    late: dict[Keeper, list[Any]] = {}

    def commit_later(self: Keeper, commands: list[Any], *, durable: bool = True) -> None:
        """Always one behind."""
        before, late[self] = late.get(self), commands
        if before is not None:
            commit(self, before, durable=durable)

    monkeypatch.setattr(Keeper, "commit", commit_later)
    # Not by the state of what is recovered, but by what clients know.
    monkeypatch.setattr("experiments.benchmarks.exchange_faults.packed", lambda _: b"")
    assert first_broken()


def test_a_lost_fill_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    fill = Account.fill

    def forget(self: Account, order: Any, lots: int, *rest: Any) -> None:
        if lots != 7:
            fill(self, order, lots, *rest)

    monkeypatch.setattr(Account, "fill", forget)
    assert "not the sum of the fills" in first_broken()


def test_doing_a_request_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "id_problem", lambda *_: None)
    monkeypatch.setattr(Account, "order", lambda self, number: self.open.get(number))
    assert first_broken()
