"""Two hundred hostile texts in every field that a user can name: none becomes more than text."""

from __future__ import annotations

import pytest

from reports.page.safety import PageParser
from tests.reports.every_page import every_page
from tests.reports.hostile import ACT, PAYLOADS

PARTS = 2


class Skeleton(PageParser):
    """Also the tags of a page, and whether a payload is among its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.has_payload = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        super().handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        self.has_payload = self.has_payload or ACT in data
        super().handle_data(data)


def test_there_are_two_hundred_different_ones() -> None:
    assert len(set(PAYLOADS)) == 200
    assert all(ACT in payload for payload in PAYLOADS)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_text_stays_text_on_every_page(part: int) -> None:
    plain = {kind: Skeleton(page).tags for kind, page in every_page(light=True).items()}
    for payload in PAYLOADS[part::PARTS]:
        for kind, page in every_page(payload, light=True).items():
            found = Skeleton(page)
            assert found.verdict == "", (kind, payload)
            assert found.tags == plain[kind], (kind, payload)
            assert found.has_payload, (kind, payload)
