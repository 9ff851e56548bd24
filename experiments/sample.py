"""The bundled sample: half an hour of a synthetic market, in two vendors' styles.

It comes from the book market of `SAMPLE` with a fixed seed and is built again, bit for bit, by
`python -m experiments.sample DIR`. It is no recording of an exchange; the venue says so.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

from rlmm_tf.presets import preset
from rlmm_tf.recording import BybitWriter, LobsterWriter, Session, record

NS = 1_000_000_000


class Sample(NamedTuple):
    """What the sample is made of."""

    preset: str
    seed: int
    seconds: int
    levels: int
    start_ns: int  # UTC
    symbol: str


SAMPLE = Sample("book-small-tick", 20_250_131, 1800, 5, 1_738_333_800 * NS, "SYNTHETIC")
FOLDER = Path(__file__).parent / "data"
LOBSTER_NAME = "synthetic-lobster.zip"
BYBIT_NAME = "synthetic.book.jsonl.gz"
TRADES_NAME = "synthetic.trades.csv.gz"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def build(folder: Path) -> list[Path]:
    """Write the sample's files into a folder that has none of them."""
    session = Session(
        duration_ns=SAMPLE.seconds * NS,
        start_ns=SAMPLE.start_ns,
        venue="SIM",
        symbol=SAMPLE.symbol,
    )
    folder.mkdir(parents=True, exist_ok=True)
    loose = folder / "lobster"
    lobster = LobsterWriter(loose, session, SAMPLE.levels)
    bybit = BybitWriter(folder / BYBIT_NAME, session, SAMPLE.levels)
    chunks = record(
        preset(SAMPLE.preset),
        seed=SAMPLE.seed,
        duration_ns=session.duration_ns,
        levels=SAMPLE.levels,
    )
    with lobster, bybit:
        for chunk in chunks:
            lobster.write(chunk)
            bybit.write(chunk)
    _pack(lobster.paths, folder / LOBSTER_NAME)
    for path in lobster.paths:
        path.unlink()
    loose.rmdir()
    return [folder / LOBSTER_NAME, *bybit.paths]


def _pack(paths: tuple[Path, ...], target: Path) -> None:
    """An archive whose bytes depend on the files alone."""
    with target.open("xb") as raw, zipfile.ZipFile(raw, "w") as archive:
        for path in sorted(paths):
            info = zipfile.ZipInfo(path.name, _ZIP_TIME)
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def main(folder: str) -> None:
    """Build the sample and say whether it is the bundled one."""
    for path in build(Path(folder)):
        bundled = FOLDER / path.name
        same = bundled.exists() and bundled.read_bytes() == path.read_bytes()
        sys.stdout.write(f"{path} {'is' if same else 'is NOT'} the bundled file\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
