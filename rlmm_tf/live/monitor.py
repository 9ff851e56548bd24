"""The page of a quoting client, on this machine alone: its state, metrics, and the kill switch.

Stopping must be easy: POST /kill wants no token, only that no other site's page has sent it (the
header X-RLMM, no foreign Origin, a Host of this machine). POST /clear, after which trading goes on,
wants the control token, which lies in a file that its owner alone can read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from rlmm_tf.live.telemetry import metrics_of

PAGE = Path(__file__).with_name("monitor.html")
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


class Watched(Protocol):
    """What the page shows and tells."""

    def state(self) -> dict[str, Any]:
        """See `telemetry.state_of`."""
        ...

    async def kill(self, why: str) -> None:
        """Cancel everything; halted from now on."""
        ...

    async def clear(self) -> None:
        """Go on."""
        ...


def _hash_of(page: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    assert found is not None  # the page is ours
    return base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()


def page_headers(page: str) -> Mapping[str, str]:
    """Nothing but the page's own script and style, and questions to where it came from."""
    rules = (
        "default-src 'none'",
        f"script-src 'sha256-{_hash_of(page, 'script')}'",
        f"style-src 'sha256-{_hash_of(page, 'style')}'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(rules),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def monitor_app(watched: Watched, control_token: str) -> Starlette:
    """Routes /, /state, /metrics, /kill and /clear."""
    page = PAGE.read_text(encoding="utf-8")
    headers = page_headers(page)

    async def show(_: Request) -> Response:
        return Response(page, media_type="text/html", headers=dict(headers))

    async def state(_: Request) -> Response:
        return JSONResponse(watched.state(), headers={"Cache-Control": "no-store"})

    async def metrics(_: Request) -> Response:
        return PlainTextResponse(metrics_of(watched.state()))

    async def kill(request: Request) -> Response:
        if request.headers.get("x-rlmm") != "1":
            return _refused(403, "the header X-RLMM: 1 is missing")
        await watched.kill("page")
        return JSONResponse({"message": "halted; everything is being cancelled"})

    async def clear(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), control_token.encode()):
            return _refused(401, "wants the control token (a file of the client's folder)")
        await watched.clear()
        return JSONResponse({"message": "cleared"})

    def local(handler: Callable[[Request], Awaitable[Response]]) -> Any:
        async def checked(request: Request) -> Response:
            problem = _foreign(request)
            return await handler(request) if problem is None else _refused(403, problem)

        return checked

    ways = {"/": show, "/state": state, "/metrics": metrics}
    routes = [Route(path, local(handler), methods=["GET"]) for path, handler in ways.items()]
    posts = {"/kill": kill, "/clear": clear}
    routes += [Route(path, local(handler), methods=["POST"]) for path, handler in posts.items()]
    return Starlette(routes=routes)


def _foreign(request: Request) -> str | None:
    """A page of another site, or a name that somebody else has pointed at this machine."""
    host = request.headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in LOCAL:
        return "Host: expected this machine"
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "Origin: expected this page"
    return None


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)
