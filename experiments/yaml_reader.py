"""YAML and `--set` overrides as plain values that remember where they were written.

A small, safe part of YAML: mappings with text keys, lists, scalars. There are no tags, anchors,
aliases or merge keys, and a key stands once, so a file can neither run code nor grow when it is
read. Plain scalars are null, true/false, decimal numbers (`3e-4` and `1E5` too) or text; `no`,
`on`, `0x1F`, `1:30` and dates are text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from experiments.errors import ConfigError, Problem, shown, shown_place

SIZE_MAX_BYTES = 128 * 1024  # PyYAML reads 50 to 200 kB/s: a larger file would look like a hang
DEPTH_MAX = 32
_DIGITS_MAX = 300  # int() and float() take any length; no number worth writing is longer

KeyPath = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*(_[0-9]+)*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*(_[0-9]+)*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", "+.inf"), float("inf")),
    **dict.fromkeys(("-.inf",), float("-inf")),
    **dict.fromkeys((".nan",), float("nan")),
}


class Setting(NamedTuple):
    """One override: `place` is how the user wrote it, `key` is dotted, `text` is the value."""

    place: str
    key: str
    text: str


@dataclass
class Document:
    """Plain values with the place each one was written at."""

    name: str
    value: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[KeyPath] = field(default_factory=set)
    """Paths that already have a problem here, whose values must not be judged again."""

    overridden: set[KeyPath] = field(default_factory=set)
    """Paths whose place (an option, `--set`) names the key already."""

    def place(self, path: KeyPath) -> str:
        """Where `path`, or the nearest part around it, was written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.name

    def set(self, setting: Setting) -> None:
        """Apply one override; what is wrong with it is added to `problems`."""
        try:
            path, value = _parse_setting(setting)
            self._put(setting.place, path, value)
        except ConfigError as error:
            self.problems.extend(error.problems)
            self.unreadable.add(tuple(setting.key.split(".")))

    def _put(self, place: str, path: tuple[str, ...], value: Any) -> None:
        at = self.value
        for depth, key in enumerate(path[:-1], start=1):
            if at.get(key) is None:
                at[key] = {}
                self.places.setdefault(path[:depth], place)
            if not isinstance(at[key], dict):
                whole = ".".join(path[:depth])
                raise _error(
                    place,
                    f"expected {shown(whole)} to be a mapping, got {described(at[key])} "
                    f"({self.place(path[:depth])}); set all of it: --set {shown(whole)}=...",
                )
            at = at[key]
        at[path[-1]] = value
        # What the file had below this key is gone, and so are its lines and its problems.
        below = {p for p in self.places if p[: len(path)] == path}
        for old in below:
            del self.places[old]
        self.unreadable = {p for p in self.unreadable if p[: len(path)] != path}
        self.places[path] = place
        self.overridden.add(path)


def parse_scalar(text: str) -> bool | int | float | str | None:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _DIGITS_MAX:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and any(c.isdigit() for c in re.split("[eE]", text)[0]):
        return float(text) + 0.0  # the sum turns -0.0 into 0.0: equal configs hash alike
    return text


def described(value: Any) -> str:
    """A value as it would stand in a file, in a few words."""
    match value:
        case None:
            text = "nothing (null)"
        case bool():
            text = str(value).lower()
        case dict():
            text = "a mapping"
        case list():
            text = f"a list of {len(value)} item{'s' * (len(value) != 1)}"
        case float() if not math.isfinite(value):
            text = ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
        case _:
            text = shown(repr(value))
    return text


def read_file(path: Path) -> Document:
    """Parse a file.

    Raises:
        ConfigError: it cannot be read, or it is no YAML mapping. Smaller problems (a repeated key,
            an alias) are collected in `Document.problems`.
    """
    name = shown_place(path)
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_MAX_BYTES + 1)
    except FileNotFoundError:
        raise _error(name, "expected a file, got nothing there; check the path") from None
    except IsADirectoryError:
        raise _error(name, "expected a file, got a directory; name the file in it") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _error(name, f"expected a readable file, got: {reason}") from None
    return parse_text(_decoded(data, name), name)


def parse_text(text: str, name: str) -> Document:
    """Parse YAML text; `name` stands for the file in messages."""
    if len(text.encode("utf-8", "surrogatepass")) > SIZE_MAX_BYTES:
        raise _too_large(name)
    reader = _Reader(text, Document(name))
    value = reader.read()
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise _error(
            f"{name}:{reader.root_line}",
            f"expected a mapping ('key: value' lines), got {described(value)}",
        )
    reader.document.value = value
    return reader.document


def parse_set(text: str) -> Setting:
    """Split `a.b=c` as given to `--set`."""
    key, _, value = text.partition("=")
    return Setting(f"--set {shown(text)}", key if "=" in text else "", value)


def _parse_setting(setting: Setting) -> tuple[tuple[str, ...], Any]:
    place = setting.place
    example = "for example --set episode.n_steps=200"
    path = tuple(setting.key.strip().split("."))
    if not all(path):
        raise _error(place, f"expected KEY=VALUE with a dotted key; {example}")
    text = setting.text.strip()
    if not text and place.startswith("--set "):
        raise _error(place, "expected a value after '=', got nothing; write null or '' for none")
    if not text:
        return path, ""  # an option or argument: what it should be, its type and choices say
    if text[0] in "[{\"'":
        value = _Reader(text, Document(place), is_setting=True).read()
    else:  # not YAML: a '#' or ': ' in it is part of the text
        _check_text(text, place)
        value = parse_scalar(text)
    return path, value


def _decoded(data: bytes, name: str) -> str:
    if len(data) > SIZE_MAX_BYTES:
        raise _too_large(name)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _error(f"{name}:1", "expected UTF-8 text, got UTF-16; save the file as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise _error(
            f"{name}:{line}",
            f"expected UTF-8 text, got the byte 0x{byte:02x}; save the file as UTF-8",
        ) from None


def _check_text(text: str, place: str) -> None:
    if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise _error(place, "expected Unicode text, got half a surrogate pair or a stray byte")


def _error(where: str, message: str) -> ConfigError:
    return ConfigError([Problem(where, message)])


def _too_large(name: str) -> ConfigError:
    return _error(name, f"expected at most {SIZE_MAX_BYTES // 1024} KiB, got a larger file")


class _Reader:
    """Turns PyYAML's events (its tokens with a grammar, but no meaning) into values."""

    def __init__(self, text: str, document: Document, *, is_setting: bool = False) -> None:
        self.text = text
        self.document = document
        self.is_setting = is_setting
        self.root_line = 1

    def read(self) -> Any:
        try:
            return self._read(yaml.parse(self.text, Loader=yaml.SafeLoader))
        except yaml.reader.ReaderError as error:
            line = self.text.count("\n", 0, error.position) + 1
            character = error.character
            code = character if isinstance(character, int) else ord(character)
            raise _error(
                self._at(line), f"expected printable text, got the character U+{code:04X}"
            ) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise _error(self._at(mark.line + 1 if mark else 1), _syntax(error)) from None
        except (ValueError, OverflowError) as error:
            # PyYAML lets int() and chr() speak for themselves ("\UFFFFFFFF", %YAML directives).
            if isinstance(error, ConfigError):
                raise
            raise _error(self._at(1), f"expected valid YAML, got: {shown(str(error))}") from None

    def _at(self, line: int) -> str:
        return self.document.name if self.is_setting else f"{self.document.name}:{line}"

    def _read(self, events: Iterator[Any]) -> Any:
        value = None
        n_documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                n_documents += 1
                if n_documents > 1:
                    raise _error(
                        self._at(_line(event)),
                        "expected one document, got a second one ('---'); use one file for each",
                    )
                root = next(events)
                self.root_line = _line(root)
                value = self._value(root, events, ())
        if self.is_setting and self.document.problems:
            raise ConfigError(self.document.problems)
        return value

    def _problem(self, event: Any, path: KeyPath, message: str) -> None:
        dotted = dotted_key(path)
        where = self._at(_line(event))
        text = f"{dotted}: {message}" if dotted else message
        self.document.problems.append(Problem(where, text))
        self.document.unreadable.add(path)

    def _value(self, event: Any, events: Iterator[Any], path: KeyPath) -> Any:
        if len(path) > DEPTH_MAX:
            raise _error(
                self._at(_line(event)),
                f"expected at most {DEPTH_MAX} levels of nesting, got more",
            )
        if isinstance(event, yaml.AliasEvent):
            self._problem(
                event,
                path,
                f"expected a value, got the alias *{shown(event.anchor or '')}; "
                "write the value out",
            )
            return None
        self._refuse_decorations(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return self._scalar(event, path)

    def _refuse_decorations(self, event: Any, path: KeyPath) -> None:
        if event.anchor is not None:
            self._problem(
                event,
                path,
                f"expected a value, got the anchor &{shown(event.anchor)}; "
                "write the value out where it is used",
            )
        if event.tag is not None:
            self._problem(
                event,
                path,
                f"expected a value without a tag, got {shown(event.tag)}; leave the tag out",
            )

    def _scalar(self, event: Any, path: KeyPath) -> Any:
        text: str = event.value
        _check_text(text, self._at(_line(event)))
        return parse_scalar(text) if event.style is None else text

    def _sequence(self, events: Iterator[Any], path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            self.document.places[here] = self._at(_line(event))
            items.append(self._value(event, events, here))
        return items

    def _mapping(self, events: Iterator[Any], path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._key(event, path)
            here = (*path, key)
            place = self._at(_line(event))
            if key in mapping:
                self._problem(
                    event,
                    here,
                    f"expected each key once, got it again (first at {self.document.place(here)}); "
                    "remove one of the two",
                )
                self._value(next(events), events, here)
                continue
            self.document.places[here] = place
            mapping[key] = self._value(next(events), events, here)
        return mapping

    def _key(self, event: Any, path: KeyPath) -> str:
        line = _line(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise _error(self._at(line), "expected a name as the key, got a list, mapping or alias")
        _check_text(event.value, self._at(line))
        key: str = event.value
        if event.style is None and key == "<<":
            raise _error(
                self._at(line),
                "expected a name as the key, got the merge key <<; write the values out",
            )
        self._refuse_decorations(event, (*path, key))
        return key


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def dotted_key(path: KeyPath) -> str:
    """`a.b[0].c`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' * bool(text)}{shown(part)}"
    return text


def _syntax(error: yaml.MarkedYAMLError) -> str:
    problem = shown(str(error.problem or error.context))
    if "'\\t'" in str(error.problem):
        return "expected spaces, got a tab; YAML is indented with spaces"
    hints = {
        "mapping values are not allowed here": "; check the indentation, and quote text that "
        "holds ': '",
        "could not find expected ':'": "; write 'key: value' with a space after the colon",
    }
    return f"expected valid YAML, got: {problem}{hints.get(str(error.problem), '')}"
