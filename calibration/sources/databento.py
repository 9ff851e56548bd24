"""Databento: the schemas MBO, MBP-1 and MBP-10, as CSV or DBN."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from calibration.sources.compressed import Member, head_of
from calibration.sources.plan import InputFile, Options, Plan
from calibration.sources.problems import DataError
from rlmm_tf.kernels.parse import databento_reader


def plan(members: Sequence[Member], options: Options) -> Plan:
    """All files of one kind; `--symbol` is the number of an instrument."""
    binary = [head_of(member, 3) == b"DBN" for member in members]
    if len(set(binary)) > 1:
        raise DataError("FILE", expected="DBN or CSV", got="both", reason="mixed_files")
    if options.symbol and not options.symbol.isdigit():
        raise DataError(
            "--symbol", expected="the number of an instrument", got=repr(options.symbol)
        )
    return Plan(
        reader=partial(
            databento_reader,
            strict=options.strict,
            binary=binary[0],
            instrument=int(options.symbol or 0),
        ),
        inputs=(tuple(map(InputFile, members)),),
        venue=options.venue or "DATABENTO",
        symbol=options.symbol,
        size_places=0,
        tick_size=options.tick_size,
        lot_size=options.lot_size or "1",
    )
