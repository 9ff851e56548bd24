"""What a page could do beside being read: ours do nothing, and nothing else is passed on."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

POLICY = "default-src 'none'"
_LOADING = frozenset(
    {"iframe", "frame", "object", "embed", "link", "base", "form", "applet", "portal"}
)
_ADDRESSES = frozenset(
    {"href", "xlink:href", "src", "srcset", "action", "formaction", "poster", "background", "data"}
)
_MEANT_WELL = frozenset({"content-type", "x-ua-compatible"})  # of what a page's head may say
_NEIGHBOUR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*\.html(#.*)?|#.*")
_STYLE = re.compile(r"@import|expression\s*\(|url\(\s*['\"]?(?!#)", re.IGNORECASE)


def unsafe(text: str) -> str:
    """The first thing in a page that is more than text and pictures; empty if there is none.

    Scripts count unless the page's own policy names their hash.
    """
    parser = PageParser()
    parser.feed(text)
    parser.close()
    return parser.verdict


class PageParser(HTMLParser):
    """Remembers the first thing that should not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.found = ""
        self.policy = ""
        self._inside = ""
        self._content: list[str] = []

    @property
    def verdict(self) -> str:
        """What `unsafe` returns, of what was fed."""
        if not self.found and POLICY not in self.policy:
            return "no content security policy"
        return self.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag and its attributes."""
        values = {name: value or "" for name, value in attrs}
        if tag in _LOADING:
            self._add(f"<{tag}>")
        if tag == "meta" and "http-equiv" in values:
            kind = values["http-equiv"].lower()
            if kind == "content-security-policy":
                self.policy = self.policy or values.get("content", "")
            elif kind not in _MEANT_WELL:
                self._add(f"<meta http-equiv={kind}>")
        for name, value in values.items():
            if (
                name.startswith("on")
                or (name == "style" and _STYLE.search(value))
                or (name in _ADDRESSES and not _is_harmless(tag, value.strip()))
            ):
                self._add(f"{name}={value[:60]!r}")
        if tag in {"script", "style"}:
            self._inside, self._content = tag, []

    def handle_data(self, data: str) -> None:
        """Text, of which that of scripts and styles counts."""
        if self._inside:
            self._content.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Where a script or a style ends, it is judged."""
        if tag != self._inside:
            return
        text = "".join(self._content)
        self._inside = ""
        if tag == "style" and _STYLE.search(text):
            self._add("a style from elsewhere")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        if tag == "script" and f"'sha256-{digest}'" not in self.policy:
            self._add("<script>")

    def _add(self, what: str) -> None:
        self.found = self.found or what


def _is_harmless(tag: str, address: str) -> bool:
    """A place in the page, a page beside it, or a picture that it has in itself."""
    if tag in {"img", "image"}:
        return address.startswith("data:image/")
    return not address or bool(_NEIGHBOUR.fullmatch(address))
