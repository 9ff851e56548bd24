"""One look per policy: the same on all pages, and never shared."""

from __future__ import annotations

import pytest

from reports.page.palette import COLOURS, DASHES, looks


def test_a_look_goes_with_the_place_in_the_list() -> None:
    names = [f"policy {i}" for i in range(len(COLOURS) * len(DASHES))]
    found = looks(names)
    assert list(found) == names
    assert len(set(found.values())) == len(names)
    assert [look.colour for look in found.values()][:7] == list(COLOURS)
    assert {look.dash for look in list(found.values())[:7]} == {""}
    assert looks(names[:3]) == {name: found[name] for name in names[:3]}
    assert looks([]) == {}


def test_too_many_and_the_same_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="'b' twice"):
        looks(["a", "b", "b"])
    with pytest.raises(ValueError, match="at most 28 on a page, got 29"):
        looks([str(i) for i in range(29)])
