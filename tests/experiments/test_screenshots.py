"""Pictures of pages: small enough whatever is on them, and of files that commands make."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.screenshots import BYTES_MOST, PAGES, main, small, steps

ROOT = Path(__file__).parents[2]


def opened(raw: bytes) -> Image.Image:
    return Image.open(io.BytesIO(raw))


def test_a_picture_keeps_its_size_if_it_is_small() -> None:
    image = Image.new("RGB", (900, 700), (10, 200, 30))
    assert opened(small(image)).size == (900, 700)


def test_a_picture_of_noise_is_cut_until_it_is_small() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (640, 640, 3)).astype(np.uint8)
    raw = small(Image.fromarray(noise))
    assert len(raw) <= BYTES_MOST
    assert opened(raw).width == 640
    assert opened(raw).height < 640


def test_every_page_comes_from_a_command(tmp_path: Path) -> None:
    made = {step.made.partition("/")[0] for step in steps(tmp_path)}
    assert {page.partition("/")[0] for page in PAGES.values()} <= made
    assert len({step.made for step in steps(tmp_path)}) == len(steps(tmp_path))


@pytest.mark.parametrize("name", PAGES)
def test_the_readme_shows_every_page(name: str) -> None:
    path = Path("docs", "images", f"{name}.png")
    assert f"({path.as_posix()})" in (ROOT / "README.md").read_text("utf-8")
    raw = (ROOT / path).read_bytes()
    assert len(raw) <= BYTES_MOST
    assert opened(raw).width > 1000


def test_without_a_browser_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RLMM_CHROMIUM", str(tmp_path / "none"))
    work, out = tmp_path / "work", tmp_path / "out"
    assert main(["--work", str(work), "--out", str(out)]) == 1
    assert "make setup-extra" in capsys.readouterr().err
    assert not work.exists()
