"""One look per policy: the same on all pages, and never shared."""

from __future__ import annotations

import pytest

from reports.page.palette import COLOURS, DASHES, LOOKS_MOST, crowded, looks


def test_a_look_goes_with_the_place_in_the_list() -> None:
    names = [f"policy {i}" for i in range(len(COLOURS) * len(DASHES))]
    found = looks(names)
    assert list(found) == names
    assert len(set(found.values())) == len(names)
    assert [look.colour for look in found.values()][:7] == list(COLOURS)
    assert {look.dash for look in list(found.values())[:7]} == {""}
    assert looks(names[:3]) == {name: found[name] for name in names[:3]}
    assert looks([]) == {}


def test_the_same_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'b' twice"):
        looks(["a", "b", "b"])


def test_more_than_can_be_told_apart_come_again_and_are_said_to() -> None:
    names = [str(i) for i in range(LOOKS_MOST + 1)]
    found = looks(names)
    assert found[names[-1]] == found[names[0]]
    assert crowded(names[:-1]) == []
    assert "29 lines are more than the 28 looks" in crowded(names)[0]
