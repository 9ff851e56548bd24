"""Plain values as YAML that `experiments.yaml_reader` reads back equal.

PyYAML's own dumper would write the text "3e-4" without quotes and the float 1e-07 with a tag,
because its idea of a number differs from the reader's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from experiments.yaml_reader import parse_scalar

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+-]*")


def yaml_text(value: dict[str, Any]) -> str:
    """One YAML document; mappings in block style, lists of scalars on one line."""
    if not value:
        return "{}\n"
    return "\n".join(_mapping_lines(value)) + "\n"


def _mapping_lines(mapping: dict[str, Any]) -> Iterator[str]:
    for key, value in mapping.items():
        name = _text(key)
        if isinstance(value, dict) and value:
            yield f"{name}:"
            yield from (f"  {line}" for line in _mapping_lines(value))
        elif isinstance(value, list | tuple) and any(_holds_mapping(item) for item in value):
            yield f"{name}:"
            yield from (f"  {line}" for line in _item_lines(value))
        else:
            yield f"{name}: {_inline(value)}"


def _item_lines(items: list[Any] | tuple[Any, ...]) -> Iterator[str]:
    for item in items:
        lines = _mapping_lines(item) if isinstance(item, dict) and item else iter([_inline(item)])
        yield from (f"{'- ' if i == 0 else '  '}{line}" for i, line in enumerate(lines))


def _holds_mapping(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


def _inline(value: Any) -> str:
    match value:
        case None:
            text = "null"
        case bool():
            text = "true" if value else "false"
        case int():
            text = str(value)
        case float():
            text = _float(value)
        case str():
            text = _text(value)
        case dict():
            text = "{" + ", ".join(f"{_text(k)}: {_inline(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            text = "[" + ", ".join(_inline(item) for item in value) + "]"
        case _:
            raise TypeError(f"expected a plain value, got {type(value).__name__}")
    return text


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and isinstance(parse_scalar(text), str):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
