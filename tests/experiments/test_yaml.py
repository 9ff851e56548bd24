"""What the YAML reader takes, what it refuses, and the exact words of each refusal."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import ConfigError
from experiments.yaml_reader import (
    SIZE_MAX_BYTES,
    described,
    dotted_key,
    parse_scalar,
    parse_text,
    read_file,
)
from experiments.yaml_writer import yaml_text


def messages(text: str) -> list[str]:
    """Everything that is wrong with a text."""
    try:
        return [str(problem) for problem in parse_text(text, "c.yaml").problems]
    except ConfigError as error:
        return [str(problem) for problem in error.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("1E5", 1e5),
        ("1e5", 1e5),
        ("+1.5e+3", 1500.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-0.0", 0.0),
        ("0", 0),
        ("-12", -12),
        ("10_000_000", 10_000_000),
        ("1_0.5", 10.5),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("off", "off"),
        ("y", "y"),
        ("NO", "NO"),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1e", "1e"),
        ("e5", "e5"),
        (".", "."),
        (".e5", ".e5"),
        ("+", "+"),
        ("1_", "1_"),
        ("_1", "_1"),
        ("inf", "inf"),
        ("nan", "nan"),
        ("1 2", "1 2"),
        ("1" * 400, "1" * 400),
        ("\N{ARABIC-INDIC DIGIT ONE}", "\N{ARABIC-INDIC DIGIT ONE}"),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found = parse_scalar(text)
    assert found == value
    assert type(found) is type(value)
    assert not (isinstance(found, float) and math.copysign(1.0, found) < 0 and found == 0.0)


def test_nan_is_a_float() -> None:
    found = parse_scalar(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


def test_quotes_make_text() -> None:
    document = parse_text("a: '1'\nb: \"true\"\nc: |\n  3e-4\nd: [1, '1', no]\n", "c.yaml")
    assert document.value == {"a": "1", "b": "true", "c": "3e-4\n", "d": [1, "1", "no"]}


BAD = [
    ("- 1", "c.yaml:1: expected a mapping ('key: value' lines), got a list of 1 item"),
    ("\n\nabc", "c.yaml:3: expected a mapping ('key: value' lines), got 'abc'"),
    ("a:1", "c.yaml:1: expected a mapping ('key: value' lines), got 'a:1'"),
    ("3", "c.yaml:1: expected a mapping ('key: value' lines), got 3"),
    (
        "a: 1\nb: 2\na: 3",
        "c.yaml:3: a: expected each key once, got it again (first at c.yaml:1); "
        "remove one of the two",
    ),
    (
        "x:\n  a: 1\n  'a': 3",
        "c.yaml:3: x.a: expected each key once, got it again (first at c.yaml:2); "
        "remove one of the two",
    ),
    (
        "l:\n- {a: 1, a: 2}",
        "c.yaml:2: l[0].a: expected each key once, got it again (first at c.yaml:2); "
        "remove one of the two",
    ),
    (
        "a: &x 1",
        "c.yaml:1: a: expected a value, got the anchor &x; write the value out where it is used",
    ),
    ("a: *x", "c.yaml:1: a: expected a value, got the alias *x; write the value out"),
    ("a:\n- *x", "c.yaml:2: a[0]: expected a value, got the alias *x; write the value out"),
    (
        "a: !!python/object/apply:os.system [ls]",
        "c.yaml:1: a: expected a value without a tag, got "
        "tag:yaml.org,2002:python/object/apply:os.system; leave the tag out",
    ),
    (
        "a: !!str 5",
        "c.yaml:1: a: expected a value without a tag, got tag:yaml.org,2002:str; leave the tag out",
    ),
    ("a: !own 5", "c.yaml:1: a: expected a value without a tag, got !own; leave the tag out"),
    (
        "!own a: 5",
        "c.yaml:1: a: expected a value without a tag, got !own; leave the tag out",
    ),
    (
        "<<: {a: 1}",
        "c.yaml:1: expected a name as the key, got the merge key <<; write the values out",
    ),
    ("? [a]\n: 1", "c.yaml:1: expected a name as the key, got a list, mapping or alias"),
    ("? {a: 1}\n: 1", "c.yaml:1: expected a name as the key, got a list, mapping or alias"),
    ("*x : 1", "c.yaml:1: expected a name as the key, got a list, mapping or alias"),
    ("a: 1\n\tb: 2", "c.yaml:2: expected spaces, got a tab; YAML is indented with spaces"),
    (
        "a: b: c",
        "c.yaml:1: expected valid YAML, got: mapping values are not allowed here; "
        "check the indentation, and quote text that holds ': '",
    ),
    (
        "a: 1\nb\nc: 2",
        "c.yaml:3: expected valid YAML, got: could not find expected ':'; "
        "write 'key: value' with a space after the colon",
    ),
    (
        "a: [1, 2\nb: 3",
        "c.yaml:2: expected valid YAML, got: expected ',' or ']', but got ':'",
    ),
    (
        "a: 'x",
        "c.yaml:1: expected valid YAML, got: found unexpected end of stream",
    ),
    (
        "a: 1\n---\nb: 2",
        "c.yaml:2: expected one document, got a second one ('---'); use one file for each",
    ),
    ("a: 1\nb: \x01", "c.yaml:2: expected printable text, got the character U+0001"),
    ("a: \x1b[31m", "c.yaml:1: expected printable text, got the character U+001B"),
    (
        'a: "\\ud800"',
        "c.yaml:1: expected Unicode text, got half a surrogate pair or a stray byte",
    ),
    (
        '"\\ud800": 1',
        "c.yaml:1: expected Unicode text, got half a surrogate pair or a stray byte",
    ),
    (
        'a: "\\UFFFFFFFF"',
        "c.yaml:1: expected valid YAML, got: Python int too large to convert to C int",
    ),
    (
        "%YAML 3.0\n---\na: 1",
        "c.yaml:1: expected valid YAML, got: found incompatible YAML document "
        "(version 1.* is required)",
    ),
    ("a: " + "[" * 40, "c.yaml:1: expected at most 32 levels of nesting, got more"),
    ("[" * 100_000, "c.yaml:1: expected at most 32 levels of nesting, got more"),
    ("{a: " * 100, "c.yaml:1: expected at most 32 levels of nesting, got more"),
    ("- " * 100, "c.yaml:1: expected at most 32 levels of nesting, got more"),
    ("a: " + "x" * SIZE_MAX_BYTES, "c.yaml: expected at most 128 KiB, got a larger file"),
    (
        "a: @x",
        "c.yaml:1: expected valid YAML, got: found character '@' that cannot start any token",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_files(text: str, message: str) -> None:
    assert messages(text) == [message]


def test_all_problems_of_a_file_at_once() -> None:
    assert len(messages("a: &x 1\nb: *x\na: 2\nc: !t 3\n")) == 4


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "null", "{}"])
def test_empty_files_are_all_defaults(text: str) -> None:
    assert parse_text(text, "c.yaml").value == {}


def test_lines_of_nested_keys_and_items() -> None:
    document = parse_text("a:\n  b:\n    - 1\n    - c: 2\n  d: {e: 1,\n      f: 2}\n", "c.yaml")
    lines = {dotted_key(path): place for path, place in document.places.items()}
    assert lines == {
        "a": "c.yaml:1",
        "a.b": "c.yaml:2",
        "a.b[0]": "c.yaml:3",
        "a.b[1]": "c.yaml:4",
        "a.b[1].c": "c.yaml:4",
        "a.d": "c.yaml:5",
        "a.d.e": "c.yaml:5",
        "a.d.f": "c.yaml:6",
    }


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends(newline: str) -> None:
    document = parse_text(f"a: 1{newline}b: 2{newline}", "c.yaml")
    assert document.places["b",] == "c.yaml:2"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: 1\nb: \xff", "{}:2: expected UTF-8 text, got the byte 0xff; save the file as UTF-8"),
        (
            "a: 1".encode("utf-16"),
            "{}:1: expected UTF-8 text, got UTF-16; save the file as UTF-8",
        ),
        (b"a" * (SIZE_MAX_BYTES + 1), "{}: expected at most 128 KiB, got a larger file"),
    ],
)
def test_bad_bytes(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    assert str(caught.value) == message.format(path)


def test_byte_order_mark_and_unicode(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + "größe: 1\nb: 日本\n".encode())
    assert read_file(path).value == {"größe": 1, "b": "日本"}


def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_file(tmp_path / "no.yaml")
    message = "expected a file, got nothing there; check the path"
    assert str(caught.value) == f"{tmp_path / 'no.yaml'}: {message}"
    with pytest.raises(ConfigError) as caught:
        read_file(tmp_path)
    message = "expected a file, got a directory; name the file in it"
    assert str(caught.value) == f"{tmp_path}: {message}"


def test_path_with_a_zero_byte() -> None:
    with pytest.raises(ConfigError, match="expected a readable file, got: embedded null byte"):
        read_file(Path("a\0b"))


def test_largest_file_is_read_in_seconds() -> None:
    line = "- {x: 1, y: 'z'}\n"
    text = "a:\n" + line * ((SIZE_MAX_BYTES - 3) // len(line))
    start_s = time.process_time()
    parse_text(text, "c.yaml")
    elapsed_s = time.process_time() - start_s
    print(f"{SIZE_MAX_BYTES // 1024} KiB in {elapsed_s:.2f} s")
    assert elapsed_s < 10.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing (null)"),
        (True, "true"),
        ({}, "a mapping"),
        ([1], "a list of 1 item"),
        ([], "a list of 0 items"),
        (math.inf, ".inf"),
        (-math.inf, "-.inf"),
        (math.nan, ".nan"),
        ("x\x1b[0m\n", r"'x\x1b[0m\n'"),
        (1e-4, "0.0001"),
    ],
)
def test_described(value: Any, text: str) -> None:
    assert described(value) == text


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False).map(lambda x: x + 0.0)
    | st.text(max_size=8)
    | st.sampled_from(["no", "3e-4", "1E5", "null", "~", "true", "", "a: b", "#", "- x", "\u2028"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(max_size=4).filter(lambda key: key != "<<"), plain_values, max_size=4)
)
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    document = parse_text(yaml_text(value), "c.yaml")
    assert document.problems == []
    assert document.value == value


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    for message in messages(text):
        assert message.startswith("c.yaml")
        assert message.isprintable()


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    found: list[str] = []
    try:
        found = [str(problem) for problem in read_file(path).problems]
    except ConfigError as error:
        found = [str(problem) for problem in error.problems]
    assert all(message.isprintable() for message in found)


def test_writer_refuses_other_types() -> None:
    with pytest.raises(TypeError, match="expected a plain value, got object"):
        yaml_text({"a": object()})
