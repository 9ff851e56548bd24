"""Parts of the compiled engine that need no environment.

A limit order book by itself:

    from rlmm_tf.kernels import OrderBook
    book = OrderBook()
    mine = book.submit(1, 100, 5, owner=1).order_id   # bid 5 lots at 100 ticks
    book.execute(1, 2, 100)                           # somebody sells 2 into the bids
    book.order(mine).lots                             # 3
"""

from __future__ import annotations

from rlmm_tf.kernels.book import BookFill, BookOrder, BookOutcome, OrderBook

__all__ = ["BookFill", "BookOrder", "BookOutcome", "OrderBook"]
