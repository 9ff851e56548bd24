"""Signals that wait."""

from __future__ import annotations

import signal
import threading

import pytest

from rlmm_tf.training.interrupts import held_back


def test_a_signal_waits_until_the_end_of_the_block() -> None:
    done = []

    def work() -> None:
        with held_back() as interrupts:
            assert not interrupts.came
            signal.raise_signal(signal.SIGINT)
            done.append(interrupts.came)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [True]


def test_a_second_signal_does_not_wait() -> None:
    done = []

    def work() -> None:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            done.append("waited")
            signal.raise_signal(signal.SIGINT)
            done.append("waited again")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["waited"]


def test_another_thread_has_no_signals() -> None:
    seen = []

    def work() -> None:
        with held_back() as interrupts:
            seen.append(interrupts.came)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
