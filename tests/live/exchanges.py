"""Exchanges for tests: small markets, journals in a folder, a disk that fails when told to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rlmm_tf.env import Venue, engine_params
from rlmm_tf.live.exchange import Exchange
from rlmm_tf.live.gateway import Gateway
from rlmm_tf.live.journal import SystemDisk
from rlmm_tf.live.ledger import Fees
from rlmm_tf.live.recovery import start
from rlmm_tf.live.sessions import Limits, MarketClock
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import environment_keys

STEP_NS = 10_000_000
FEES = Fees(maker_notional_e9=-1_000, taker_notional_e9=20_000, taker_per_lot_e9=7)
_PARAMS = engine_params(resolve_params("book-large-tick", {"market": {"warmup_ns": 10**9}}))


def make_exchange(seed: int = 1) -> Exchange:
    return Exchange(Venue(_PARAMS, environment_keys(seed, 1)), step_ns=STEP_NS, fees=FEES)


def make_gateway(
    folder: Path,
    *,
    seed: int = 1,
    now_ns: int = 0,
    limits: Limits | None = None,
    disk: Any = None,
) -> Gateway:
    exchange = make_exchange(seed)
    keeper = start(folder, exchange, {"seed": seed}, disk)
    clock = MarketClock(1.0, STEP_NS, now_ns, exchange.ts_ns)
    return Gateway(keeper, clock, limits or Limits())


class FailingDisk(SystemDisk):
    """Fails at the call with this number (from 0 on); a write has done a part of it by then."""

    def __init__(self, fails_at: int | None = None, part: float = 0.0) -> None:
        self.calls = 0
        self.fails_at = fails_at
        self.part = part
        self.names: list[str] = []

    def _fails(self, name: str) -> bool:
        self.names.append(name)
        self.calls += 1
        return self.calls - 1 == self.fails_at

    def open(self, path: Path, flags: int) -> int:
        if self._fails("open"):
            raise OSError(28, "no space left")
        return super().open(path, flags)

    def write(self, descriptor: int, data: bytes) -> int:
        if self._fails("write"):
            os.write(descriptor, data[: int(len(data) * self.part)])
            raise OSError(28, "no space left")
        return super().write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        if self._fails("fsync"):
            raise OSError(5, "input/output error")
        super().fsync(descriptor)

    def truncate(self, descriptor: int, length: int) -> None:
        if self._fails("truncate"):
            raise OSError(5, "input/output error")
        super().truncate(descriptor, length)

    def rename(self, source: Path, target: Path) -> None:
        if self._fails("rename"):
            raise OSError(5, "input/output error")
        super().rename(source, target)
