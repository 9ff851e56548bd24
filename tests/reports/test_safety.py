"""What a page could do: each way is seen, and ours have none."""

from __future__ import annotations

import base64
import hashlib

import pytest

from reports.page import Page, render
from reports.page.safety import unsafe
from tests.reports.test_page import full_page

HEAD = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'


def test_our_pages_do_nothing() -> None:
    assert unsafe(render(full_page("x"))) == ""
    assert unsafe(render(Page("t", "l"))) == ""


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<script src=x.js></script>",
        "<p onclick=alert(1)>",
        "<svg><a xlink:href='https://example.org'>x</a></svg>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href=' JaVaScRiPt:alert(1)'>x</a>",
        "<a href='//example.org/x.html'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<a href='/etc/passwd.html'>x</a>",
        "<img src='https://example.org/x.png'>",
        "<img src=x onerror=alert(1)>",
        "<link rel=stylesheet href=x.css>",
        "<iframe srcdoc='x'></iframe>",
        "<object data=x></object>",
        "<form action=x></form>",
        "<base href='https://example.org/'>",
        "<meta http-equiv=refresh content='0;url=https://example.org'>",
        "<style>@import 'x.css';</style>",
        "<style>p { background: url(https://example.org/x) }</style>",
        "<p style='background: url(x)'>",
    ],
)
def test_each_way_out_is_seen(text: str) -> None:
    assert unsafe(HEAD + text) != ""


@pytest.mark.parametrize(
    "text",
    [
        "<a href='tear-sheet-1.html'>x</a>",
        "<a href='evaluate-1/index.html#top'>x</a>",
        "<a href='#top'>x</a>",
        "<img src='data:image/png;base64,AA'>",
        "<svg><use xlink:href='#m1'/><path style='fill: url(#g)'/></svg>",
        "<style>p { color: red }</style>",
        "one &lt;script&gt; two",
    ],
)
def test_what_stays_in_the_page_is_fine(text: str) -> None:
    assert unsafe(HEAD + text) == ""


def test_a_page_without_a_policy_is_not_ours() -> None:
    assert unsafe("<p>text</p>") == "no content security policy"


def test_a_script_may_be_named_by_its_hash() -> None:
    code = "play();"
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    head = HEAD.replace("'none'\"", f"'none'; script-src 'sha256-{digest}'\"")
    assert unsafe(f"{head}<script>{code}</script>") == ""
    assert unsafe(f"{head}<script>{code}//</script>") == "<script>"
