"""The exchange over HTTP and WebSocket (FastAPI, uvicorn): `rlmm_tf.live.protocol` says what.

Nothing is decided here: requests are read, given to the service, and answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response, WebSocket
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from rlmm_tf.live import protocol as p
from rlmm_tf.live.door import Door, TooLarge
from rlmm_tf.live.gateway import Refused, told
from rlmm_tf.live.service import Line, Service
from rlmm_tf.live.sessions import CLOSE_RESTART, CLOSE_TOKEN, CLOSE_TOO_MANY
from rlmm_tf.live.tokens import Holder

_STATUS = {
    p.Code.MALFORMED: 400,
    p.Code.UNAUTHENTICATED: 401,
    p.Code.FORBIDDEN: 403,
    p.Code.NOT_FOUND: 404,
    p.Code.UNKNOWN_ORDER: 404,
    p.Code.METHOD: 405,
    p.Code.TOO_LARGE: 413,
    p.Code.TOO_MANY: 429,
    p.Code.STOPPING: 503,
}
_CODE_OF_STATUS = {404: p.Code.NOT_FOUND, 405: p.Code.METHOD, 413: p.Code.TOO_LARGE}
_CLOSE_S = 2.0  # for a client to take leave; then its socket is dropped
_BREATH = 64  # messages of one session before others get a turn
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": p.Error} for status in (400, 401, 403, 404, 405, 413, 429, 503)
}
Body = TypeVar("Body", bound=p.Message)
Serve = Callable[[Request], Awaitable[Response]]


def make_app(
    service: Service, *, hosts: frozenset[str], origins: frozenset[str] = frozenset()
) -> FastAPI:
    """The exchange as an ASGI application; the service's loop runs as long as it does."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.create_task(service.run())
        yield
        service.stop()
        await loop

    app = FastAPI(
        title="RLMM paper exchange",
        version=str(p.PROTOCOL),
        description=p.__doc__,
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=life,
    )
    routes = _Routes(app, service)
    routes.add_orders()
    routes.add_questions()
    routes.add_admin()

    async def stream(socket: WebSocket) -> None:
        await _stream(service, socket)

    app.add_api_websocket_route("/v1/stream", stream)
    app.add_exception_handler(Refused, _answer_refused)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(TooLarge, _answer_too_large)
    app.add_middleware(Door, hosts=hosts, origins=origins)
    return app


def _error(code: p.Code, message: str) -> Refused:
    return Refused(p.Error(code=code, message=message))


def _as_response(message: p.Message, status: int = 200) -> Response:
    return Response(p.as_json(message), status, media_type="application/json")


async def _answer_refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    headers = {"www-authenticate": "Bearer"} if error.error.code == "unauthenticated" else {}
    response = _as_response(error.error, _STATUS[error.error.code])
    response.headers.update(headers)
    return response


async def _answer_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODE_OF_STATUS.get(error.status_code, p.Code.MALFORMED)
    return _as_response(p.Error(code=code, message=str(error.detail)), error.status_code)


async def _answer_too_large(_: Request, __: Exception) -> Response:
    error = p.Error(code=p.Code.TOO_LARGE, message=f"at most {p.BODY_BYTES_MOST} bytes")
    return _as_response(error, 413)


class _Routes:
    """The ways in, each with what it takes and gives for the OpenAPI document."""

    def __init__(self, app: FastAPI, service: Service) -> None:
        self._app = app
        self._service = service

    # --- what every request needs -------------------------------------------------------------

    def _holder(self, request: Request, scope: p.Scope) -> Holder:
        if self._service.stopping:
            raise _error(p.Code.STOPPING, "the exchange stops")
        holder = self._service.holder(request.headers.get("authorization"))
        if holder is None:
            raise _error(p.Code.UNAUTHENTICATED, "expected a bearer token of an account")
        if scope not in holder.scopes:
            raise _error(p.Code.FORBIDDEN, f"the token's scopes lack {scope}")
        return holder

    def _reader(self, request: Request) -> Holder:
        holder = self._holder(request, "read")
        self._service.gateway.read(self._service.now(), holder.account)
        return holder

    @staticmethod
    async def _body(request: Request, model: type[Body]) -> Body:
        try:
            return model.model_validate_json(await request.body() or b"{}")
        except ValidationError as error:
            raise _error(p.Code.MALFORMED, told(error)) from None

    @staticmethod
    def _number(request: Request, name: str, default: int) -> int:
        text = request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise _error(p.Code.MALFORMED, f"{name}: expected a whole number from 0 on")
        return int(text)

    def _add(
        self,
        method: str,
        path: str,
        serve: Serve,
        answer: Any,
        *,
        body: type[p.Message] | None = None,
        parameters: tuple[tuple[str, str], ...] = (),
        open_to_all: bool = False,
    ) -> None:
        more: dict[str, Any] = {"parameters": [_parameter(*each) for each in parameters]}
        if body is not None:
            schema = body.model_json_schema()
            more["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        if not open_to_all:
            more["security"] = [{"bearer": []}]
        errors = {} if open_to_all else _ERRORS
        self._app.add_api_route(
            path,
            serve,
            methods=[method],
            response_model=answer,
            responses=errors,
            openapi_extra=more,
            name=path,
        )

    # --- the ways in --------------------------------------------------------------------------

    def add_orders(self) -> None:
        """Orders and cancels."""

        def route(model: type[p.Message]) -> Serve:
            async def serve(request: Request) -> Response:
                holder = self._holder(request, "trade")
                message: Any = await self._body(request, model)
                return _as_response(await self._service.ask(holder, message))

            return serve

        for path, model in (
            ("/v1/orders", p.Submit),
            ("/v1/orders/amend", p.Amend),
            ("/v1/orders/cancel", p.Cancel),
            ("/v1/orders/cancel_all", p.CancelAll),
        ):
            self._add("POST", path, route(model), p.Answer, body=model)

    def add_questions(self) -> None:
        """What changes nothing."""
        exchange, service = self._service.gateway.exchange, self._service

        async def account(request: Request) -> Response:
            return _as_response(exchange.account_state(self._reader(request).account))

        async def orders(request: Request) -> Response:
            state = exchange.account_state(self._reader(request).account)
            texts = ",".join(p.as_json(order) for order in state.open_orders)
            return Response(f"[{texts}]", media_type="application/json")

        async def order(request: Request) -> Response:
            holder = self._reader(request)
            text = request.path_params["client_order_id"]
            number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
            found = exchange.accounts[holder.account].order(number)
            if found is None:
                raise _error(p.Code.UNKNOWN_ORDER, "no such order, or one closed long ago")
            return _as_response(found.state())

        async def fills(request: Request) -> Response:
            holder = self._reader(request)
            after = self._number(request, "after", 0)
            limit = self._number(request, "limit", p.FILLS_MOST)
            return _as_response(exchange.fills(holder.account, after, limit))

        async def book(request: Request) -> Response:
            self._reader(request)
            return _as_response(exchange.snapshot())

        async def instrument(request: Request) -> Response:
            self._reader(request)
            return _as_response(instrument_of(service))

        async def clock(request: Request) -> Response:
            self._reader(request)
            return _as_response(clock_of(service))

        async def health(_: Request) -> Response:
            return _as_response(p.Health())

        async def metrics(request: Request) -> Response:
            self._reader(request)
            return Response(service.metrics(), media_type="text/plain; version=0.0.4")

        self._add("GET", "/v1/account", account, p.AccountState)
        self._add("GET", "/v1/orders", orders, list[p.OrderState])
        one = (("client_order_id", "path"),)
        self._add("GET", "/v1/orders/{client_order_id}", order, p.OrderState, parameters=one)
        some = (("after", "query"), ("limit", "query"))
        self._add("GET", "/v1/fills", fills, p.Fills, parameters=some)
        self._add("GET", "/v1/book", book, p.Snapshot)
        self._add("GET", "/v1/instrument", instrument, p.Instrument)
        self._add("GET", "/v1/clock", clock, p.Clock)
        self._add("GET", "/v1/health", health, p.Health, open_to_all=True)
        self._add("GET", "/metrics", metrics, None)

    def add_admin(self) -> None:
        """Halts."""

        def route(model: type[p.Halt] | type[p.Resume]) -> Serve:
            async def serve(request: Request) -> Response:
                self._holder(request, "admin")
                message: Any = await self._body(request, model)
                await self._service.halt(message.account, halted=model is p.Halt)
                return _as_response(clock_of(self._service))

            return serve

        self._add("POST", "/v1/admin/halt", route(p.Halt), p.Clock, body=p.Halt)
        self._add("POST", "/v1/admin/resume", route(p.Resume), p.Clock, body=p.Resume)


def _parameter(name: str, place: str) -> dict[str, Any]:
    required = place == "path"
    return {"name": name, "in": place, "required": required, "schema": {"type": "integer"}}


def clock_of(service: Service) -> p.Clock:
    """Which time it is in the market."""
    gateway = service.gateway
    return p.Clock(
        epoch=gateway.exchange.epoch,
        ts_ns=gateway.exchange.ts_ns,
        step_ns=gateway.exchange.step_ns,
        speed=gateway.clock.speed,
        halted=gateway.exchange.halted or bool(gateway.exchange.venue.halted),
        ended=bool(gateway.exchange.venue.ended),
    )


def instrument_of(service: Service) -> p.Instrument:
    """What is traded, and on what terms."""
    exchange, terms = service.gateway.exchange, service.terms
    return p.Instrument(
        symbol=terms.symbol,
        tick_size=terms.tick_size,
        lot_size=terms.lot_size,
        step_ns=exchange.step_ns,
        maker_notional_e9=exchange.fees.maker_notional_e9,
        taker_notional_e9=exchange.fees.taker_notional_e9,
        maker_per_lot_e9=exchange.fees.maker_per_lot_e9,
        taker_per_lot_e9=exchange.fees.taker_per_lot_e9,
    )


# --- the stream -----------------------------------------------------------------------------------


async def _stream(service: Service, socket: WebSocket) -> None:
    holder = service.holder(socket.headers.get("authorization"))
    if holder is None or "read" not in holder.scopes or service.stopping:
        await socket.close(CLOSE_TOKEN)
        return
    try:
        line = service.connect(holder)
    except Refused:
        await socket.close(CLOSE_TOO_MANY)
        return
    tasks: list[asyncio.Task[Any]] = []
    try:
        await socket.accept()
        # A writer that waits for a client to read does not notice the session's end: `ended` does.
        parts = (_read(service, socket, line), _write(socket, line), line.ended.wait())
        tasks = [asyncio.create_task(part) for part in parts]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        code, reason = line.session.closed or (CLOSE_RESTART, "")
        service.disconnect(line)
        with suppress(Exception):  # it may be gone, or not take anything any more
            await asyncio.wait_for(socket.close(code, reason), _CLOSE_S)


async def _read(service: Service, socket: WebSocket, line: Line) -> None:
    count = 0
    while True:
        event = await socket.receive()
        if event["type"] != "websocket.receive":
            return
        text = event.get("text")
        service.receive(line, event.get("bytes") or b"" if text is None else text)
        count += 1
        if count % _BREATH == 0:
            await asyncio.sleep(0)


async def _write(socket: WebSocket, line: Line) -> None:
    while True:
        await line.woken.wait()
        line.woken.clear()
        while line.session.outbox:
            await socket.send_text(line.session.take())
