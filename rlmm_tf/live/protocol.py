"""What the paper exchange and its clients say to each other: protocol version 1, in JSON.

**Values.** Prices are integer ticks, sizes integer lots, times integer nanoseconds, money integer
tick x lot (`_e9`: in 1e-9 of it). Integers may exceed 2**53: a reader must not turn them into
floats. `ts_ns` is the market's own time: 0 at the start of the session, advancing in steps of
`step_ns` at `speed` times the wall clock. Unknown fields, and values of another type, are errors.

**Ways in.** REST under `/v1` and one WebSocket at `/v1/stream`; both want `Authorization: Bearer
TOKEN`, whose account is the only one that they see. Scopes: `read` for everything that changes
nothing, `trade` for orders, `admin` for halts of any account. `POST` bodies are those of the
requests below without `op` and `request`, for on the WebSocket they come as `{"op": ..,
"request": n, ..}` and are answered by `{"type": "answer", "request": n, ..}`:

    POST /v1/orders               Submit       ->  Answer
    POST /v1/orders/amend         Amend        ->  Answer
    POST /v1/orders/cancel        Cancel       ->  Answer
    POST /v1/orders/cancel_all    CancelAll    ->  Answer
    GET  /v1/account                           ->  AccountState: position, open orders, sequences
    GET  /v1/orders                            ->  the list of open orders (`OrderState`)
    GET  /v1/orders/{client_order_id}          ->  OrderState, of one of the last closed too
    GET  /v1/fills?after=F&limit=N             ->  Fills: those with fill_seq > F, oldest first
    GET  /v1/book                              ->  Snapshot
    GET  /v1/instrument                        ->  Instrument
    GET  /v1/clock                             ->  Clock
    POST /v1/admin/halt, /v1/admin/resume  Halt, Resume  -> Clock       (scope admin)
    GET  /v1/health                            ->  Health               (no token)
    GET  /metrics                              ->  Prometheus' text     (scope read)

An order that is refused is an answer all the same (status 200, `accepted` false, a `code`). Every
other failure is an `Error` with status 400 (malformed), 401, 403, 404, 405, 413 or 429 (limits; see
`retry_ms`), or 503 while the exchange stops. On the WebSocket an `Error` carries `request`.

**Accepted means kept.** An answer, and any private message, is sent only after what caused it is in
the journal and has been flushed to the disk. After a crash all of it is there again, with the same
numbers. What was not answered may or may not have happened: send the same request again.

**Idempotence.** `client_order_id` is a positive integer that the client chooses, new for each order
of the account (start above `client_order_id_max` of `AccountState`; gaps are fine, and so is any
order within `CLIENT_ORDER_IDS_KEPT` of the largest). The same `Submit` again changes nothing and is
answered with the order's present state and `repeated` true. Another order with a used id is
refused (`client_order_id_reused`), and one too far below the largest too
(`client_order_id_too_old`). A refused order has used up its id. `Amend` names the result that is
wanted, not a change, and can be repeated too; so can `Cancel` and `CancelAll`.

**Orders.** `limit` rests what does not trade at once; `post_only` is refused if it would trade;
`ioc` (immediate or cancel) drops what does not trade at once; `fok` (fill or kill) trades whole or
not at all. Price, then time, decide. `Amend` sets a new price and a new *total* size, filled lots
included: what fills while it travels is no surplus; a total that is filled already closes the
order. It keeps its place in the queue if the price stays and the size does not grow; otherwise it
joins anew, and a post-only order that would then trade is closed (`post_only_would_trade`). Orders
of one account never trade with each other: own resting orders that an incoming one would meet are
cancelled first (`self_trade`), but those of a post-only order, which is refused instead. An
`ioc`, `fok` or `limit` order that wants more than there is in the whole book drops the rest.

**Public stream.** Rows of events, each one change of one level by `lots`: ADD raises it, CANCEL and
TRADE lower it, as in the canonical event table (rlmm_tf/events.py); a TRADE with the flag HIDDEN
is of lots that the book never showed, and leaves it as it is. Rows are numbered from 1 on:
`first_event` is the number of a `market` message's first row. A `snapshot` is the whole book after
row `event`. Whoever sees first_event != the last number + 1, or another `epoch`, has missed
something: he sends `resync` (or reads /v1/book) and drops rows up to the snapshot's `event`. After
`subscribe` and after `resync` comes a snapshot, then the rows behind it, none twice.
A `market` message has all rows of at most one step of time, in order; one without rows is not sent.
`order_id` is that of the resting order (`book_order_id` of one's own), flags are `MORE_FILLS`,
`REMAINS`, `REACH`, `HIDDEN` of the canonical table. Side 1 is the bid, -1 the ask: of the book's
side that changed, so that a trade on side -1 was a buy. STATUS rows (side 0) say by `lots` whether
trading is halted (0) or goes on (2).

**Private stream.** `order` and `fill` messages of the account, on every one of its sessions, each
with `account_seq`, which counts by one; fills also with `fill_seq`, which counts fills by one.
`event` is the number of the public row that it belongs to, or of the last one before it: own and
public messages can be put into one order by it. The rows of a step are sent before the private
messages of that step. An answer follows the private messages that it caused, on the same session,
and has the `account_seq` that they led to. Whoever sees a gap in account_seq reads /v1/account,
which is consistent in itself, and the fills behind his last fill_seq.

**Sessions.** The first message of the exchange is `welcome`; then the client may `subscribe`.
`heartbeat` comes every `heartbeat_ms`, with the latest numbers: a client that hears nothing for
three of them should take its feed for stale. The client must send something (`ping` if nothing
else) at least every `dead_man_ms`, or is cut. A session with `cancel_on_disconnect` (set by
`subscribe`, true unless said otherwise) that ends, however, cancels all open orders of its account
(`disconnect`), unless another such session of the account goes on. REST alone never does. A
client that does not read fast enough is cut once more than `QUEUE_MESSAGES_MOST` messages or
`QUEUE_BYTES_MOST` bytes wait for it. Close codes: 4000 malformed, 4001 token, 4003 origin or scope,
4008 too slow, 4009 dead man, 4013 too large, 4029 limits, 1012 the exchange restarts.

**Restart.** Every start of the exchange is a new `epoch`. Recovering it cancels all open orders
(`restart`): nobody was there to watch them. Sequences of accounts go on; rows too, but those that
were sent in the moment before a crash may be undone: another epoch always means `resync`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

PROTOCOL = 1
CLIENT_ORDER_IDS_KEPT = 65_536
ORDERS_KEPT = 10_000  # closed ones, for questions about them
OPEN_ORDERS_MOST = 256  # of an account
BODY_BYTES_MOST = 65_536
FILLS_MOST = 1_000  # of one answer
QUEUE_MESSAGES_MOST = 4_096
QUEUE_BYTES_MOST = 8 * 2**20
PRICE_TICKS_MOST = 2**40
SIZE_LOTS_MOST = 1_000_000

Side = Literal["bid", "ask"]
Kind = Literal["limit", "post_only", "ioc", "fok"]
Status = Literal["open", "filled", "cancelled", "refused"]
Scope = Literal["read", "trade", "admin"]
Channel = Literal["market", "private"]
AccountName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_.-]{0,31}$")]
ClientOrderId = Annotated[int, Field(ge=1, le=2**53)]
PriceTicks = Annotated[int, Field(ge=1, le=PRICE_TICKS_MOST)]
SizeLots = Annotated[int, Field(ge=1, le=SIZE_LOTS_MOST)]
Number = Annotated[int, Field(ge=0)]
Request = Annotated[int, Field(ge=0, le=2**53)]
Level = tuple[int, int]  # price_ticks, size_lots
# ts_ns, kind, side, price_ticks, lots, order_id, flags: the columns of the canonical event table.
Row = tuple[int, int, int, int, int, int, int]


class Code(StrEnum):
    """Why something was refused, ended or failed."""

    MALFORMED = "malformed"  # not JSON, or not what is expected there
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"  # scope or origin
    NOT_FOUND = "not_found"
    METHOD = "method"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"  # requests, sessions: see retry_ms
    STOPPING = "stopping"
    TOO_SLOW = "too_slow"
    DEAD_MAN = "dead_man"
    # of orders
    UNKNOWN_ORDER = "unknown_order"
    ORDER_CLOSED = "order_closed"
    CLIENT_ORDER_ID_REUSED = "client_order_id_reused"
    CLIENT_ORDER_ID_TOO_OLD = "client_order_id_too_old"
    TOO_MANY_OPEN_ORDERS = "too_many_open_orders"
    POST_ONLY_WOULD_TRADE = "post_only_would_trade"
    FILL_OR_KILL_WOULD_NOT_FILL = "fill_or_kill_would_not_fill"
    ACCOUNT_HALTED = "account_halted"
    MARKET_HALTED = "market_halted"
    MARKET_CLOSED = "market_closed"  # the recording has ended
    PRICE_OUT_OF_BOOK = "price_out_of_book"  # too far from the touch
    # why an order is no longer open
    REQUESTED = "requested"
    SELF_TRADE = "self_trade"
    UNFILLED = "unfilled"  # the rest of an ioc, or of what no book could fill
    DISCONNECT = "disconnect"
    RESTART = "restart"


class Message(BaseModel):
    """Base: frozen, strict, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# --- requests -------------------------------------------------------------------------------------


class Submit(Message):
    """A new order."""

    op: Literal["submit"] = "submit"
    request: Request = 0
    client_order_id: ClientOrderId
    side: Side
    kind: Kind = "limit"
    price_ticks: PriceTicks
    size_lots: SizeLots


class Amend(Message):
    """A new price and a new total size, filled lots included."""

    op: Literal["amend"] = "amend"
    request: Request = 0
    client_order_id: ClientOrderId
    price_ticks: PriceTicks
    size_lots: SizeLots


class Cancel(Message):
    """Takes an order off the book."""

    op: Literal["cancel"] = "cancel"
    request: Request = 0
    client_order_id: ClientOrderId


class CancelAll(Message):
    """Takes all open orders of the account off the book."""

    op: Literal["cancel_all"] = "cancel_all"
    request: Request = 0


class Subscribe(Message):
    """Which streams the session wants; replaces what it had before."""

    op: Literal["subscribe"] = "subscribe"
    request: Request = 0
    channels: tuple[Channel, ...] = Field(default=("market", "private"), max_length=2)
    cancel_on_disconnect: bool = True


class Resync(Message):
    """A new snapshot, please."""

    op: Literal["resync"] = "resync"
    request: Request = 0


class Ping(Message):
    """Says that the client lives, and nothing else; answered by a `pong`."""

    op: Literal["ping"] = "ping"
    request: Request = 0


class Halt(Message):
    """Cancels all orders of an account (none named: of all), and refuses new ones until resumed."""

    account: AccountName | None = None


class Resume(Message):
    """Ends a halt of that account (none named: the one of all)."""

    account: AccountName | None = None


OrderRequest = Submit | Amend | Cancel | CancelAll
ClientMessage = Annotated[
    Submit | Amend | Cancel | CancelAll | Subscribe | Resync | Ping, Field(discriminator="op")
]


# --- what the exchange says -----------------------------------------------------------------------


class OrderState(Message):
    """An order as it is now. `code` says why it is no longer open, if it was not filled."""

    client_order_id: ClientOrderId
    book_order_id: Number = Field(description="in the public rows; 0: it does not rest")
    side: Side
    kind: Kind
    price_ticks: PriceTicks
    size_lots: SizeLots = Field(description="in all, filled lots included")
    filled_lots: Number
    open_lots: Number
    status: Status
    code: Code | None = None


class Answer(Message):
    """Of an order request; `order` is None if there is no such order, or for cancel_all."""

    type: Literal["answer"] = "answer"
    request: Request = 0
    accepted: bool
    code: Code | None = None
    repeated: bool = False
    order: OrderState | None = None
    cancelled: Number = Field(default=0, description="orders that cancel_all took off")
    account_seq: Number
    ts_ns: int


class OrderUpdate(Message):
    """An order of the account's has changed otherwise than by a fill."""

    type: Literal["order"] = "order"
    account_seq: Number
    event: Number
    ts_ns: int
    queue_ahead_lots: Number = Field(default=0, description="when it came to rest at its price")
    order: OrderState


class FillUpdate(Message):
    """Lots of an order of the account's have traded; `open_lots` are left of it."""

    type: Literal["fill"] = "fill"
    account_seq: Number
    fill_seq: Number
    event: Number
    ts_ns: int
    client_order_id: ClientOrderId
    side: Side
    price_ticks: PriceTicks
    size_lots: SizeLots
    open_lots: Number
    maker: bool
    fee_e9: int = Field(description="negative: a rebate")
    position_lots: int = Field(description="after this fill")


class Fills(Message):
    """Some of an account's fills, oldest first; `fill_seq` is the number of its last one of all."""

    fills: tuple[FillUpdate, ...]
    fill_seq: Number


class AccountState(Message):
    """All that a client needs in order to go on, as of one moment."""

    account: AccountName
    epoch: Number
    ts_ns: int
    event: Number
    account_seq: Number
    fill_seq: Number
    client_order_id_max: Number
    position_lots: int
    cash: int = Field(description="tick x lot, before fees")
    fees_e9: int
    bought_lots: Number
    sold_lots: Number
    halted: bool
    open_orders: tuple[OrderState, ...]


class Snapshot(Message):
    """The whole book after public row `event`, the best level of each side first."""

    type: Literal["snapshot"] = "snapshot"
    epoch: Number
    event: Number
    ts_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    halted: bool


class Market(Message):
    """Public rows, numbered from `first_event` on."""

    type: Literal["market"] = "market"
    first_event: Number
    rows: tuple[Row, ...]


class Welcome(Message):
    """The first message of a session."""

    type: Literal["welcome"] = "welcome"
    protocol: int = PROTOCOL
    epoch: Number
    account: AccountName
    scopes: tuple[Scope, ...]
    ts_ns: int
    event: Number
    account_seq: Number
    heartbeat_ms: Number
    dead_man_ms: Number


class Heartbeat(Message):
    """All is well: the market's time, the last public row, the account's last message."""

    type: Literal["heartbeat"] = "heartbeat"
    epoch: Number
    ts_ns: int
    event: Number
    account_seq: Number


class Pong(Message):
    """The answer to a ping, a subscription or a resync that needs no other."""

    type: Literal["pong"] = "pong"
    request: Request = 0
    ts_ns: int


class Error(Message):
    """Something could not be taken at all."""

    type: Literal["error"] = "error"
    request: Request = 0
    code: Code
    message: str
    retry_ms: Number = 0


class Clock(Message):
    """The market's time."""

    epoch: Number
    ts_ns: int
    step_ns: Number
    speed: float
    halted: bool
    ended: bool


class Instrument(Message):
    """What is traded, and on what terms."""

    protocol: int = PROTOCOL
    symbol: str
    tick_size: str
    lot_size: str
    price_ticks_most: int = PRICE_TICKS_MOST
    size_lots_most: int = SIZE_LOTS_MOST
    open_orders_most: int = OPEN_ORDERS_MOST
    step_ns: Number
    maker_notional_e9: int = Field(description="a maker's fee, share of price x size")
    taker_notional_e9: int
    maker_per_lot_e9: int = Field(description="and in 1e-9 ticks for each lot; negative: rebates")
    taker_per_lot_e9: int


class Health(Message):
    """That it runs; nothing about what is traded."""

    status: Literal["ok"] = "ok"
    protocol: int = PROTOCOL


ServerMessage = Annotated[
    Answer | OrderUpdate | FillUpdate | Snapshot | Market | Welcome | Heartbeat | Pong | Error,
    Field(discriminator="type"),
]

_CLIENT: TypeAdapter[Any] = TypeAdapter(ClientMessage)
_SERVER: TypeAdapter[Any] = TypeAdapter(ServerMessage)


def client_message(text: str | bytes) -> Any:
    """What a client sent; pydantic's ValidationError for anything else."""
    return _CLIENT.validate_json(text)


def server_message(text: str | bytes) -> Any:
    """What the exchange sent; pydantic's ValidationError for anything else."""
    return _SERVER.validate_json(text)


def as_json(message: Message) -> str:
    """The text of a message, as it goes over the wire."""
    return message.model_dump_json()
