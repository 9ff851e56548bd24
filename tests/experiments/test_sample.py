"""The bundled sample: small, synthetic, and what its command builds."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from experiments import cli, sample
from rlmm_tf.events import EventTable


def content_of(path: Path) -> dict[str, bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return {path.name: gzip.decompress(path.read_bytes())}


def test_the_command_builds_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample.main(str(tmp_path / "again"))
    names = {sample.LOBSTER_NAME, sample.BYBIT_NAME, sample.TRADES_NAME}
    assert {path.name for path in (tmp_path / "again").iterdir()} == names
    for name in names:  # zlib's versions pack differently
        assert content_of(tmp_path / "again" / name) == content_of(sample.FOLDER / name)
    assert capsys.readouterr().out.count("bundled file") == 3


def test_it_is_small_and_long_enough() -> None:
    files = [path for path in sample.FOLDER.iterdir() if path.suffix != ".md"]
    assert len(files) == 3
    assert sum(path.stat().st_size for path in files) < 1_000_000
    assert sample.SAMPLE.seconds >= 1800
    assert "synthetic" in (sample.FOLDER / "README.md").read_text().lower()


@pytest.mark.parametrize(
    "arguments",
    [
        ["bybit", sample.BYBIT_NAME, sample.TRADES_NAME],
        ["lobster", sample.LOBSTER_NAME],
    ],
    ids=["bybit", "lobster"],
)
def test_it_comes_in_and_says_that_it_is_synthetic(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.parquet"
    places = [str(sample.FOLDER / a) if "synthetic" in a else a for a in arguments]
    assert cli.main(["ingest", *places, "--tick-size", "0.01", "--out", str(out)]) == 0
    assert cli.main(["inspect", str(out)]) == 0
    assert "SYNTHETIC" in capsys.readouterr().out
    assert cli.main(["inspect", str(out), "--json", "--html", str(tmp_path / "y.html")]) == 0
    assert json.loads(capsys.readouterr().out)["synthetic"] is True
    table = EventTable.read(out)
    ts = table.column("ts_recv")
    assert ts[-1] - ts[0] > 1790 * 10**9
    assert "Synthetic" in (tmp_path / "x.parquet.html").read_text()
