"""The exchange over HTTP, in this process: who may come in, and that nothing makes it stumble."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from rlmm_tf.live import protocol as p
from rlmm_tf.live.server import make_app
from rlmm_tf.live.service import Service, Terms
from rlmm_tf.live.sessions import Limits
from rlmm_tf.live.tokens import add_token, read_tokens
from tests.live.exchanges import make_gateway

# asyncio and what it serves draw names of their own from it.
pytestmark = pytest.mark.global_randomness("the web framework draws from it")

LIMITS = Limits(orders_per_s=100_000, cancels_per_s=100_000, reads_per_s=100_000)
FUZZED = 600
Talk = Callable[[httpx.AsyncClient, dict[str, str]], Awaitable[None]]


def talk(folder: Path, body: Talk, *, limits: Limits = LIMITS, client: str = "127.0.0.1") -> None:
    """Runs an exchange with tokens of a trader, a reader and an administrator."""
    path = folder / "tokens.json"
    tokens = {
        "trade": add_token(path, "ann", ("read", "trade")),
        "read": add_token(path, "bob", ("read",)),
        "admin": add_token(path, "eve", ("admin",)),
    }

    async def run() -> None:
        service = Service(make_gateway(folder / "journal", limits=limits), path, Terms())
        app = make_app(service, hosts=frozenset({"127.0.0.1"}), origins=frozenset({"http://page"}))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{client}") as http:
                await body(http, {name: f"Bearer {token}" for name, token in tokens.items()})

    asyncio.run(run())


def authorized(header: str) -> dict[str, str]:
    return {"authorization": header}


def test_an_order_comes_in_and_is_seen(tmp_path: Path) -> None:
    async def body(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        http.headers["authorization"] = headers["trade"]
        book = p.Snapshot.model_validate_json((await http.get("/v1/book")).content)
        order = {"client_order_id": 4, "side": "bid", "price_ticks": book.bids[3][0]}
        sent = await http.post("/v1/orders", json={**order, "size_lots": 2})
        assert sent.status_code == 200
        answer = p.Answer.model_validate_json(sent.content)
        assert answer.accepted
        state = p.AccountState.model_validate_json((await http.get("/v1/account")).content)
        assert state.open_orders == (answer.order,)
        assert (await http.get("/v1/orders")).json() == [json.loads(p.as_json(answer.order))]  # type: ignore[arg-type]
        assert (await http.get("/v1/orders/4")).json()["status"] == "open"
        assert (await http.get("/v1/orders/5")).status_code == 404
        assert (await http.get("/v1/fills?after=0&limit=3")).json()["fills"] == []
        gone = await http.post("/v1/orders/cancel", json={"client_order_id": 4})
        assert gone.json()["order"]["code"] == "requested"
        assert p.Instrument.model_validate_json((await http.get("/v1/instrument")).content)
        assert p.Clock.model_validate_json((await http.get("/v1/clock")).content)
        metrics = (await http.get("/metrics")).text
        assert "rlmm_exchange_answers_total 2" in metrics
        assert all(len(line.split(" ")) in {2, 4} for line in metrics.splitlines())

    talk(tmp_path, body)


def test_every_way_in_wants_a_token_with_the_scope(tmp_path: Path) -> None:
    async def body(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        document = (await http.get("/v1/openapi.json")).json()
        ways = [(way, path) for path, item in document["paths"].items() for way in item]
        assert len(ways) == 15
        for way, template in ways:
            path = template.replace("{client_order_id}", "1")
            free = path == "/v1/health"
            bad = (
                {},
                authorized("Bearer rlmm_x"),
                authorized("Basic x"),
                {"authorization": b"Bearer \xe4"},
            )
            for wrong in bad:
                answer = await http.request(way, path, headers=wrong)
                assert (answer.status_code == 200) == free
                assert free or answer.json()["code"] == "unauthenticated"
            if way == "post":
                reader = await http.post(path, headers=authorized(headers["read"]), json={})
                assert reader.status_code == 403
            if way == "post" and "admin" not in path:
                admin = await http.post(path, headers=authorized(headers["admin"]), json={})
                assert admin.status_code == 403

    talk(tmp_path, body)


def test_an_administrator_halts_and_resumes(tmp_path: Path) -> None:
    async def body(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        admin, trade = authorized(headers["admin"]), authorized(headers["trade"])
        assert (await http.post("/v1/admin/halt", headers=admin, json={})).json()["halted"]
        order = {"client_order_id": 1, "side": "bid", "price_ticks": 10, "size_lots": 1}
        refused = await http.post("/v1/orders", headers=trade, json=order)
        assert refused.json()["code"] == "account_halted"
        nobody = await http.post("/v1/admin/halt", headers=admin, json={"account": "nobody"})
        assert nobody.status_code == 404
        resumed = await http.post("/v1/admin/resume", headers=admin, json={})
        assert not resumed.json()["halted"]

    talk(tmp_path, body)


def test_other_pages_hosts_and_large_bodies_stay_outside(tmp_path: Path) -> None:
    async def body(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        http.headers["authorization"] = headers["trade"]
        for header, status in (
            ({"origin": "http://page"}, 200),
            ({"origin": "http://other"}, 403),
            ({"origin": "null"}, 403),
            ({"host": "evil.example"}, 403),
            ({"host": ""}, 403),
        ):
            assert (await http.get("/v1/clock", headers=header)).status_code == status
        large = b" " * (p.BODY_BYTES_MOST + 1)
        assert (await http.post("/v1/orders", content=large)).status_code == 413

        async def pieces() -> Any:
            for _ in range(100):
                yield b" " * 1000

        assert (await http.post("/v1/orders", content=pieces())).status_code == 413

    talk(tmp_path, body)


def test_too_many_requests_are_told_when_to_come_back(tmp_path: Path) -> None:
    async def body(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        http.headers["authorization"] = headers["trade"]
        order = {"client_order_id": 1, "side": "bid", "price_ticks": 10, "size_lots": 1}
        first = await http.post("/v1/orders", json=order)
        again = await http.post("/v1/orders", json=order)
        limited = await http.post("/v1/orders", json=order)
        assert (first.status_code, again.json()["repeated"]) == (200, True)
        assert limited.status_code == 429
        assert limited.json()["retry_ms"] > 0
        cancelled = await http.post("/v1/orders/cancel_all", json={})
        assert cancelled.json()["cancelled"] == 1

    talk(tmp_path, body, limits=Limits(orders_per_s=1))


def junk(generator: np.random.Generator, schema: dict[str, Any]) -> bytes:
    """A body that is right, nearly right, or anything."""
    right: dict[str, Any] = {}
    odd = [None, True, -1, 0, 2**63, 1e308, "", "1", [], {}, "\ud800", "x" * 300, 10**400]
    for name, field in schema.get("properties", {}).items():
        choices = field.get("enum") or [field.get("const", int(generator.integers(1, 2**17)))]
        value: Any = choices[int(generator.integers(len(choices)))]
        if generator.random() < 0.15:
            value = odd[int(generator.integers(len(odd)))]
        if generator.random() < 0.9:
            right[name] = value
    if generator.random() < 0.1:
        right["x"] = odd[int(generator.integers(len(odd)))]
    text = json.dumps(right).encode()
    roll = generator.random()
    if roll < 0.7:
        return text
    if roll < 0.8:
        return text[: int(generator.integers(len(text) + 1))]
    if roll < 0.9:
        at = int(generator.integers(len(text)))
        return text[:at] + generator.bytes(3) + text[at:]
    return b"[" * int(generator.integers(5000)) if roll < 0.95 else generator.bytes(40)


def test_whatever_is_asked_is_answered(tmp_path: Path) -> None:
    generator = np.random.default_rng(11)
    statuses: dict[int, int] = {}

    async def body(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        document = (await http.get("/v1/openapi.json")).json()
        ways = [
            (way, path, about)
            for path, item in document["paths"].items()
            for way, about in item.items()
        ]
        for _ in range(FUZZED):
            way, path, about = ways[int(generator.integers(len(ways)))]
            path = path.replace(
                "{client_order_id}", str(generator.choice(["1", "-1", "x", "9" * 30]))
            )
            query = str(
                generator.choice(["", "?after=1", "?after=-1&limit=x", "?limit=" + "9" * 30])
            )
            token = str(generator.choice([*headers.values(), headers["trade"]]))
            content = None
            if way == "post":
                schema = about["requestBody"]["content"]["application/json"]["schema"]
                content = junk(generator, schema)
            if generator.random() < 0.05:
                way, path = str(generator.choice(["put", "get", "delete"])), path + "/x"
            answer = await http.request(
                way, path + query, headers=authorized(token), content=content
            )
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            assert answer.status_code < 500, (way, path, content)
            if answer.status_code >= 400:
                p.Error.model_validate_json(answer.content)

    talk(tmp_path, body)
    assert {200, 400, 403, 404} <= statuses.keys()
    assert statuses[200] > FUZZED // 10


def test_tokens_are_kept_as_hashes_in_a_file_of_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    token = add_token(path, "ann", ("read",))
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    other = add_token(path, "bob", ("read", "trade"))
    tokens = read_tokens(path)
    assert tokens.accounts == ("ann", "bob")
    found = tokens.holder(other)
    assert found is not None
    assert (found.account, found.scopes) == ("bob", ("read", "trade"))
    assert tokens.holder(token + "x") is None
    path.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        read_tokens(path)
    path.chmod(0o600)
    path.write_text("{}x")
    with pytest.raises(ValueError, match="expected a file with tokens"):
        read_tokens(path)
    with pytest.raises(ValueError, match="rlmm serve token"):
        read_tokens(tmp_path / "none")
