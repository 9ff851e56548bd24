"""Ctrl-C and SIGTERM that wait until what is under way can be put down."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Remembers a signal; a second one is not kept waiting."""

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}
        self._came: int | None = None

    @property
    def came(self) -> bool:
        """Whether somebody wants the work to stop."""
        return self._came is not None

    def deliver(self) -> None:
        """What the signal would have done when it came: as a rule this raises."""
        assert self._came is not None  # asked for before
        number, self._came = self._came, None
        self._pass_on(number, None)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self._came is None:
            self._came = number
        else:
            self._pass_on(number, frame)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        handler = self._handlers[number]
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:  # as SIGTERM's is, where nobody has set another
            raise KeyboardInterrupt


@contextmanager
def held_back() -> Iterator[Interrupts]:
    """Within the block signals are remembered; one that was not delivered is at its end."""
    interrupts = Interrupts()
    try:
        for number in SIGNALS:
            interrupts._handlers[number] = signal.signal(number, interrupts._take)
    except ValueError:  # not the main thread: signals go elsewhere
        yield interrupts
        return
    try:
        yield interrupts
    finally:
        for kept, handler in interrupts._handlers.items():
            signal.signal(kept, handler)
    if interrupts.came:
        interrupts.deliver()
