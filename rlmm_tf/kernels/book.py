"""The engine's order book: price-time priority, every order in it, integer ticks and lots."""

from __future__ import annotations

from rlmm_tf.kernels.extension import _core

BookFill = _core.BookFill
BookOrder = _core.BookOrder
BookOutcome = _core.BookOutcome
OrderBook = _core.OrderBook
