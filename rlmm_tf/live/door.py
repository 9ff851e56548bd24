"""What every request passes before anybody reads it: host, origin, size; headers on the way out."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from rlmm_tf.live import protocol as p

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'"),
]


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class TooLarge(Exception):
    """The body goes on beyond `BODY_BYTES_MOST`."""


class Door:
    """ASGI middleware that lets in whom it should.

    `hosts` are the names by which the exchange may be called, `origins` the pages that may call
    it: a browser says which page it is, other clients say nothing.
    """

    def __init__(self, app: App, *, hosts: frozenset[str], origins: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request in, or answers it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        error = self._problem(headers)
        if error is None:
            await self._app(scope, _bounded(receive), _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4003, "reason": str(error.code)})
        else:
            await _refuse(send, 413 if error.code == p.Code.TOO_LARGE else 403, error)

    def _problem(self, headers: dict[bytes, bytes]) -> p.Error | None:
        host = _name_of(headers.get(b"host", b"").decode("latin-1"))
        if host not in self._hosts:
            return p.Error(code=p.Code.FORBIDDEN, message="this host name is not served")
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1") not in self._origins:
            return p.Error(code=p.Code.FORBIDDEN, message="pages of this origin may not call")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 9 or int(length) > p.BODY_BYTES_MOST:
            return p.Error(code=p.Code.TOO_LARGE, message=f"at most {p.BODY_BYTES_MOST} bytes")
        return None


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _bounded(receive: Receive) -> Receive:
    got = 0

    async def bounded() -> Event:
        nonlocal got
        event = await receive()
        if event["type"] == "http.request":
            got += len(event.get("body", b""))
            if got > p.BODY_BYTES_MOST:
                raise TooLarge
        return event

    return bounded


def _with_headers(send: Send) -> Send:
    async def sends(event: Event) -> None:
        if event["type"] == "http.response.start":
            event["headers"] = [*event.get("headers", []), *_HEADERS]
        await send(event)

    return sends


async def _refuse(send: Send, status: int, error: p.Error) -> None:
    headers = [(b"content-type", b"application/json"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": p.as_json(error).encode()})
