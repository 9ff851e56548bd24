"""`--set KEY=VALUE`: what it puts where, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.yaml_reader import Document, Setting, parse_set, parse_text


def after(text: str, *settings: str) -> Document:
    document = parse_text(text, "c.yaml")
    for setting in settings:
        document.set(parse_set(setting))
    return document


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("a.b=c", {"a": {"b": "c"}}),
        ("a.b=3e-4", {"a": {"b": 3e-4}}),
        ("a=[1,2]", {"a": [1, 2]}),
        ("a=[1, x, '2', [3e1]]", {"a": [1, "x", "2", [30.0]]}),
        ("a={b: 1, c: no}", {"a": {"b": 1, "c": "no"}}),
        ("a=true", {"a": True}),
        ("a=no", {"a": "no"}),
        ("a=null", {"a": None}),
        ("a=''", {"a": ""}),
        ("a='null'", {"a": "null"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=b: c", {"a": "b: c"}),
        ("a=#5", {"a": "#5"}),
        ("a= 5 ", {"a": 5}),
        ("a=- 5", {"a": "- 5"}),
    ],
)
def test_settings(setting: str, value: dict[str, Any]) -> None:
    document = after("", setting)
    assert document.problems == []
    assert document.value == value


def test_later_setting_wins_and_brings_its_place() -> None:
    document = after("a: {b: 1, c: 2}", "a.b=3", "a.b=4")
    assert document.value == {"a": {"b": 4, "c": 2}}
    assert document.place(("a", "b")) == "--set a.b=4"
    assert document.place(("a", "c")) == "c.yaml:1"
    document = after("a: {b: [{x: 1}]}", "a=5")
    assert document.place(("a", "b", 0, "x")) == "--set a=5"


def test_setting_into_an_empty_section() -> None:
    assert after("a:\n", "a.b=1").value == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("foo", "expected KEY=VALUE with a dotted key; for example --set episode.n_steps=200"),
        ("=1", "expected KEY=VALUE with a dotted key; for example --set episode.n_steps=200"),
        ("a..b=1", "expected KEY=VALUE with a dotted key; for example --set episode.n_steps=200"),
        ("a=", "expected a value after '=', got nothing; write null or '' for none"),
        (
            "n.x=1",
            "expected n to be a mapping, got 5 (c.yaml:1); set all of it: --set n=...",
        ),
        (
            "l.0=1",
            "expected l to be a mapping, got a list of 2 items (c.yaml:2); "
            "set all of it: --set l=...",
        ),
        ("a=[1", "expected valid YAML, got: expected ',' or ']', but got '<stream end>'"),
        ("a=[*x]", "[0]: expected a value, got the alias *x; write the value out"),
        ("a=\udcff", "expected Unicode text, got half a surrogate pair or a stray byte"),
        ("a=[" + "[" * 40, "expected at most 32 levels of nesting, got more"),
    ],
)
def test_bad_settings(setting: str, message: str) -> None:
    document = after("n: 5\nl: [1, 2]", setting)
    assert [problem.message for problem in document.problems] == [message]
    assert document.problems[0].where.startswith("--set ")
    assert document.value == {"n": 5, "l": [1, 2]}


def test_options_name_themselves() -> None:
    document = Document("configuration")
    document.set(Setting("--seeds", "seeds", "5"))
    assert document.value == {"seeds": 5}
    assert document.place(("seeds",)) == "--seeds"


def test_an_empty_option_is_an_empty_text() -> None:
    document = Document("configuration")
    document.set(Setting("SET", "set_name", " "))
    assert document.problems == []
    assert document.value == {"set_name": ""}
