"""Every kind of page in headless Chromium: quiet, alone, in the window, deaf to hostile texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.browser import Browser, BrowserError, Look, browser, find_browser
from tests.reports.every_page import every_page
from tests.reports.hostile import PAYLOADS

try:
    find_browser()
    REASON = ""
except BrowserError as error:
    REASON = str(error)
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "there is a browser")

LOOKS = (Look(1280), Look(400, dark=True))
INK = "getComputedStyle(document.body).color + getComputedStyle(document.documentElement).filter"
TOGETHER = 25  # payloads on a page
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


def written(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name.replace(' ', '-')}.html"
    path.write_text(text, "utf-8")
    return path.as_uri()


def test_every_page_is_quiet_alone_and_fits(chromium: Browser, tmp_path: Path) -> None:
    colours = {}
    for kind, text in every_page("runs/train-book-small-tick-1a2b3c4d").items():
        address = written(tmp_path, kind, text)
        for look in LOOKS:
            seen = chromium.visit(address, look)
            assert seen.requests == (address,), kind
            assert seen.complaints == (), kind
            assert seen.overflow_px == 0, (kind, look)
            colours[kind, look.dark] = chromium.evaluate(INK)
    for kind, _ in colours:
        assert colours[kind, True] != colours[kind, False], kind


def test_long_names_without_a_space_fit_too(chromium: Browser, tmp_path: Path) -> None:
    for kind, text in every_page("x" * 150, light=True).items():
        address = written(tmp_path, kind, text)
        assert chromium.visit(address, Look(400)).overflow_px == 0, kind


def test_no_hostile_text_does_anything_even_without_the_policy(
    chromium: Browser, tmp_path: Path
) -> None:
    for start in range(0, len(PAYLOADS), TOGETHER):
        together = " ".join(PAYLOADS[start : start + TOGETHER])
        for kind, text in every_page(together, light=True).items():
            bare, count = POLICY.subn("", text)
            assert count == 1, kind
            seen = chromium.visit(written(tmp_path, kind, bare), Look(height=4000))
            assert seen.complaints == (), (kind, start)
            assert len(seen.requests) == 1, (kind, start)
            assert chromium.evaluate("window.canary") is None, (kind, start)


def test_the_texts_are_hostile_and_the_policy_holds_them(chromium: Browser, tmp_path: Path) -> None:
    """What the test above would see if a page did not escape."""
    page = "<!doctype html><meta charset=utf-8>{policy}<title>x</title><body>{text}"
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    acted = 0
    for payload in PAYLOADS[:50]:
        chromium.visit(written(tmp_path, "raw", page.format(policy="", text=payload)), Look())
        acted += chromium.evaluate("window.canary") == 1
    assert acted >= 25
    together = page.format(policy=policy, text=" ".join(PAYLOADS[:25]))
    seen = chromium.visit(written(tmp_path, "held", together), Look())
    assert chromium.evaluate("window.canary") is None
    assert seen.complaints != ()


def test_a_page_prints(chromium: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, "report", every_page(light=True)["report"])
    chromium.visit(address, Look())
    assert chromium.pdf().startswith(b"%PDF-")
    assert chromium.screenshot().startswith(b"\x89PNG")


def test_what_a_browser_cannot_do_is_an_error(chromium: Browser, tmp_path: Path) -> None:
    with pytest.raises(BrowserError, match="ERR_FILE_NOT_FOUND"):
        chromium.visit((tmp_path / "none.html").as_uri(), Look())
    with pytest.raises(BrowserError, match="nothing"):
        chromium.evaluate("nothing.there")
    with pytest.raises(BrowserError, match=r"No\.such"):
        chromium.call("No.such")


def test_a_program_that_is_no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLMM_CHROMIUM", "true")
    with pytest.raises(BrowserError, match="the browser ended"), browser():
        pass
    monkeypatch.setenv("RLMM_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(BrowserError, match="make setup-extra"):
        find_browser()
