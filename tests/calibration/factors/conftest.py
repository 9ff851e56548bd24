"""A local server that answers as the providers do, from recorded responses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Service:
    """Answers by path, in turn (the last for ever), and keeps what it was asked."""

    answers: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, body: object, *, status: int = 200, kind: str = "") -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        kind = kind or ("text/csv" if isinstance(body, str) else "application/json")
        self.answers.setdefault(path, []).append((status, kind, text))

    def bodies(self, path: str) -> list[str]:
        return [body for asked, body, _ in self.asked if asked == path]


@pytest.fixture
def service() -> Iterator[Service]:
    here = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.respond()

        def do_POST(self) -> None:
            self.respond()

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            here.asked.append((self.path, body, dict(self.headers)))
            waiting = here.answers.get(self.path)
            status, kind, text = (404, "text/plain", "no such page")
            if waiting:
                status, kind, text = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield here
        server.shutdown()
        thread.join()
