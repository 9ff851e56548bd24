"""The exchange in simulated time, while everything that can go wrong does.

    python -m experiments.benchmarks.exchange_faults --first 0 --seeds 20000 --out faults.jsonl

A seed is a session of some clients with a gateway, its journal and the market: the production code,
with time, network and disk as arguments. Messages are delayed, doubled (a request that is sent
again) and lost with a connection; on their way to a client some are lost, doubled or put in another
order all the same. Connections break, clients fall silent, the process is paused, and it is killed
at a write of the journal, which may be in part, and recovers. At the end of each seed:

 - no fill is lost or doubled: a client that only listened to its sessions and, after gaps, to
   `fills`, has the fills that the recovered exchange has, and their sum is its position;
 - the accounts' books reconcile: position and cash are the sums of the fills, for orders filled
   lots are the sum of their fills, and every answer that was given still holds;
 - sequences have no holes; the public book that a client kept is the exchange's;
 - an exchange that is recovered once more, from the same files, is the same byte for byte.

Every seed writes one line to --out; seeds that are there already are not run again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.exchange_client import (
    Broken,
    Client,
    Kill,
    KillingDisk,
    Wire,
    check_orders,
    require,
)
from rlmm_tf.env import Venue, engine_params
from rlmm_tf.live import protocol as p
from rlmm_tf.live.exchange import Exchange
from rlmm_tf.live.gateway import Gateway
from rlmm_tf.live.journal import JournalError, read
from rlmm_tf.live.ledger import Fees
from rlmm_tf.live.recovery import packed, start
from rlmm_tf.live.sessions import MS, Limits, MarketClock
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import environment_keys

STEP_NS = 10 * MS
TICK_NS = 10 * MS  # of the simulated wall clock
TICKS = 400
CLIENTS = ("ann", "bob", "eve")
_PROXY_FAULTS = ("lost", "echo", "reordering")
LIMITS = Limits(heartbeat_ms=100, dead_man_ms=600, queue_messages_most=400)
_FEES = Fees(maker_notional_e9=-500, taker_notional_e9=1_500)


class World:
    """Clients, the network, the process and its disk, all of one seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        self.draw = np.random.default_rng(seed)
        self.faults: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()  # what came of them
        self.now_ns = 0
        self.calm = False  # the network does its best
        self.disk = KillingDisk()
        self.clients = [Client(name) for name in CLIENTS]
        self.kill_ns = self._next_kill()
        self.gateway = self._start()

    def chance(self, share: float) -> bool:
        """Whether it happens now."""
        return bool(self.draw.random() < share)

    def _next_kill(self) -> int:
        return self.now_ns + int(self.draw.integers(20, 200)) * TICK_NS

    # --- the process --------------------------------------------------------------------------

    def _exchange(self) -> Exchange:
        venue = Venue(_PARAMS, environment_keys(self.seed, 1))
        return Exchange(venue, step_ns=STEP_NS, fees=_FEES)

    def _start(self) -> Gateway:
        exchange = self._exchange()
        keeper = start(self.folder, exchange, {"seed": self.seed}, self.disk)
        clock = MarketClock(1.0, STEP_NS, self.now_ns, exchange.ts_ns)
        return Gateway(keeper, clock, LIMITS)

    def restart(self) -> None:
        """Killed at a write; all connections are gone with what was on its way."""
        self.faults["kill"] += 1
        for client in self.clients:
            self.drop(client, seen=False)
        self.disk.part = None
        self.gateway.keeper.journal.close()
        self.gateway = self._start()
        self.kill_ns = self._next_kill()

    # --- the network --------------------------------------------------------------------------

    def delay_ns(self) -> int:
        """Of a message; seldom a long one."""
        if self.chance(0.03):
            self.faults["delay"] += 1
            return int(self.draw.integers(5, 40)) * TICK_NS
        return 0 if self.chance(0.5) else int(self.draw.integers(0, 2 * TICK_NS))

    def send(self, client: Client, message: p.Message) -> None:
        """On its way to the exchange; messages of one connection keep their order."""
        assert client.wire is not None
        up = client.wire.up
        at_ns = max(self.now_ns + self.delay_ns(), up[-1][0] if up else 0)
        up.append((at_ns, p.as_json(message)))

    def drop(self, client: Client, *, seen: bool = True) -> None:
        """The connection breaks: what is on its way is lost, both ways."""
        if client.wire is None:
            return
        if seen:
            self.gateway.disconnect(client.wire.session)
        client.wire = None
        client.event = None

    def carry(self, client: Client) -> None:
        """Lets arrive what is due."""
        wire = client.wire
        if wire is None:
            return
        while wire.up and wire.up[0][0] <= self.now_ns:
            self.gateway.receive(wire.session, self.now_ns, wire.up.pop(0)[1])
        stalled = self.now_ns < client.silent_until_ns
        while wire.session.outbox and not stalled:
            at_ns = max(self.now_ns + self.delay_ns(), wire.down[-1][0] if wire.down else 0)
            self.put_down(wire.down, at_ns, wire.session.take())
        while wire.down and wire.down[0][0] <= self.now_ns:
            client.hear(wire.down.pop(0)[1])
        if wire.session.closed is not None:
            self.seen["cut"] += 1
            self.drop(client)

    def put_down(self, down: list[tuple[int, str]], at_ns: int, text: str) -> None:
        """On its way to a client, if a broken proxy between them does not lose it."""
        fault = "" if self.calm or self.chance(0.985) else str(self.draw.choice(_PROXY_FAULTS))
        if fault:
            self.faults[fault] += 1
        if fault != "lost":
            down.append((at_ns, text))
        if fault == "echo":
            down.append((at_ns, text))
        if fault == "reordering" and len(down) > 1:
            (first_ns, first), (second_ns, second) = down[-2:]
            down[-2:] = [(first_ns, second), (second_ns, first)]

    # --- what clients do ----------------------------------------------------------------------

    def act(self, client: Client) -> None:
        """One turn of a client."""
        if client.wire is None:
            if self.chance(0.3):
                self.connect(client)
            return
        if self.now_ns < client.silent_until_ns:
            return
        if self.chance(0.01):
            self.faults["disconnect"] += 1
            self.drop(client)
        elif self.chance(0.01):
            self.faults["silence"] += 1
            client.silent_until_ns = self.now_ns + int(self.draw.integers(10, 90)) * TICK_NS
        elif client.event is None and self.chance(0.5):
            self.send(client, p.Resync())
        elif client.behind:
            self.catch_up(client)
        else:
            self.trade(client)

    def connect(self, client: Client) -> None:
        """A new session, after reading what was missed."""
        session = self.gateway.connect(self.now_ns, client.name, ("read", "trade"))
        client.wire = Wire(session)
        self.send(client, p.Subscribe())
        self.catch_up(client)

    def catch_up(self, client: Client) -> None:
        """By REST: the account, and the fills behind the last one that is known without a gap."""
        self.seen["gap"] += client.behind
        exchange = self.gateway.exchange
        self.gateway.ensure(client.name)
        have = 0
        while have + 1 in client.fills:
            have += 1
        for fill in exchange.fills(client.name, have, p.FILLS_MOST).fills:
            client.take_fill(fill)
        state = exchange.account_state(client.name)
        client.account_seq = max(client.account_seq, state.account_seq)
        client.open_ids = [order.client_order_id for order in state.open_orders]
        client.behind = False

    def trade(self, client: Client) -> None:
        """A random request near the touch; some are sent twice, some again much later."""
        roll = self.draw.random()
        if roll < 0.35 and client.event is not None and client.book:
            client.last_id += int(self.draw.integers(1, 3))
            self.submit(client, client.last_id)
        elif roll < 0.40 and client.sent:
            self.faults["repeat"] += 1
            again = client.sent[int(self.draw.choice(list(client.sent)))]
            self.send(client, again)
        elif roll < 0.6 and client.open_ids:
            number = int(self.draw.choice(client.open_ids[-8:]))
            first = client.sent.get(number)
            if first is not None and self.chance(0.5):
                size = int(self.draw.integers(1, 20))
                price = max(1, first.price_ticks + int(self.draw.integers(-2, 3)))
                message: p.Message = p.Amend(
                    client_order_id=number, price_ticks=price, size_lots=size
                )
            else:
                message = p.Cancel(client_order_id=number)
            self.send_perhaps_twice(client, message)
        elif roll < 0.61:
            self.send(client, p.CancelAll())
        else:
            self.send(client, p.Ping())

    def submit(self, client: Client, number: int) -> None:
        """A new order."""
        side: p.Side = "bid" if self.chance(0.5) else "ask"
        sign = 1 if side == "bid" else -1
        prices = [price for at, price in client.book if at == sign] or [1]
        best = max(prices) if sign > 0 else min(prices)
        kinds: tuple[p.Kind, ...] = ("limit", "limit", "post_only", "ioc", "fok")
        message = p.Submit(
            client_order_id=number,
            side=side,
            kind=kinds[int(self.draw.integers(len(kinds)))],
            price_ticks=max(1, best + sign * int(self.draw.integers(-3, 3))),
            size_lots=int(self.draw.integers(1, 30)),
        )
        client.sent[number] = message
        self.send_perhaps_twice(client, message)

    def send_perhaps_twice(self, client: Client, message: p.Message) -> None:
        """As a client does that got no answer in time."""
        self.send(client, message)
        if self.chance(0.1):
            self.faults["duplicate"] += 1
            self.send(client, message)

    # --- time ---------------------------------------------------------------------------------

    def run(self, ticks: int) -> None:
        """The whole session."""
        for _ in range(ticks):
            self.now_ns += TICK_NS
            if self.chance(0.005):
                self.faults["pause"] += 1
                self.now_ns += int(self.draw.integers(5, 60)) * TICK_NS
            if self.now_ns >= self.kill_ns and self.disk.part is None:
                self.disk.part = float(self.draw.choice([0.0, 0.2, 0.5, 0.9, 1.0]))
                self.faults["short_write"] += 0.0 < self.disk.part < 1.0
            try:
                self.tick()
            except Kill:
                self.restart()
            except JournalError as error:
                raise Broken(str(error)) from error
        self.disk.part = None
        self.finish()

    def tick(self) -> None:
        """Clients in an order that is drawn, then the exchange."""
        order = self.draw.permutation(len(self.clients))
        for which in order:
            self.carry(self.clients[int(which)])
            self.act(self.clients[int(which)])
        self.gateway.pump(self.now_ns)
        for client in self.clients:
            self.carry(client)

    def finish(self) -> None:
        """Everybody listens to the end; then all must agree."""
        self.calm = True
        for client in self.clients:
            self.drop(client)
        self.gateway.pump(self.now_ns)
        for client in self.clients:
            self.connect(client)
            client.silent_until_ns = 0
        for _ in range(120):
            self.now_ns += TICK_NS
            for client in self.clients:
                self.carry(client)
                if client.wire is not None and self.chance(0.2):
                    self.send(client, p.Ping())
            self.gateway.pump(self.now_ns)
        for _ in range(60):  # the market stands still: all that is on its way arrives
            self.now_ns += TICK_NS
            for client in self.clients:
                self.carry(client)
        check(self)


def check(world: World) -> None:
    """What the module's docstring promises."""
    exchange = world.gateway.exchange
    exchange.venue.check_invariants()
    for client in world.clients:
        state = exchange.account_state(client.name)
        world.catch_up(client)
        fills = [client.fills[number] for number in sorted(client.fills)]
        require([f.fill_seq for f in fills] == list(range(1, state.fill_seq + 1)), "fills: a hole")
        require(
            tuple(fills) == tuple(exchange.accounts[client.name].fills), "fills: not the exchange's"
        )
        signed = [f.size_lots * (1 if f.side == "bid" else -1) for f in fills]
        require(sum(signed) == state.position_lots, "position: not the sum of the fills")
        cash = -sum(n * f.price_ticks for n, f in zip(signed, fills, strict=True))
        require(cash == state.cash, "cash: not the sum of the fills")
        require(sum(f.fee_e9 for f in fills) == state.fees_e9, "fees: not those of the fills")
        check_orders(client, exchange, fills)
        if client.event is not None:
            levels = {(1, price): n for price, n in exchange.venue.levels("bid")}
            levels |= {(-1, price): n for price, n in exchange.venue.levels("ask")}
            require(client.event == exchange.venue.events, "rows: not the last one")
            require(client.book == levels, "book: not the exchange's")
    world.gateway.keeper.journal.close()
    kept = read(world.folder)
    require(kept is not None, "journal: gone")
    again = world._exchange()
    start(world.folder, again, {"seed": world.seed}, world.disk).journal.close()
    # The new epoch has cancelled what was open; the same, done here, gives the same state.
    exchange.apply(["start", exchange.epoch + 1])
    require(packed(exchange) == packed(again), "recovered: another state")


_PARAMS = engine_params(resolve_params("book-large-tick", {"market": {"warmup_ns": 200 * MS}}))


def run_seed(seed: int, scratch: Path | None = None, *, ticks: int = TICKS) -> dict[str, Any]:
    """One seed's faults and what came of it; Broken if something does not hold."""
    folder = Path(tempfile.mkdtemp(prefix=f"faults-{seed}-", dir=scratch))
    try:
        world = World(seed, folder / "journal")
        world.run(ticks)
        fills = sum(len(client.fills) for client in world.clients)
        orders = sum(len(client.sent) for client in world.clients)
        return {
            "seed": seed,
            "fills": fills,
            "orders": orders,
            "faults": dict(world.faults),
            "seen": dict(world.seen),
        }
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Run seeds one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, help="for the journals; such as /dev/shm")
    options = parser.parse_args()
    done = {}
    if options.out.exists():
        lines = options.out.read_text().splitlines()
        done = {found["seed"]: found for found in map(json.loads, lines)}
    with options.out.open("a") as out:
        for seed in range(options.first, options.first + options.seeds):
            if seed not in done:
                done[seed] = run_seed(seed, options.scratch)
                out.write(json.dumps(done[seed]) + "\n")
                out.flush()
    faults: Counter[str] = Counter()
    for found in done.values():
        faults.update(found["faults"])
    total = {"seeds": len(done), "injected": faults.total(), "faults": dict(sorted(faults.items()))}
    total |= {name: sum(found[name] for found in done.values()) for name in ("orders", "fills")}
    sys.stdout.write(json.dumps(total) + "\n")


if __name__ == "__main__":
    main()
