"""What pydantic found wrong, in the words and at the places of the user's file."""

from __future__ import annotations

import re
import typing
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from experiments.errors import Problem, closest, did_you_mean, listed, shown
from experiments.yaml_reader import Document, KeyPath, described, dotted_key

Models = tuple[type[BaseModel], ...]

_WANTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping ('key: value' lines)",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping ('key: value' lines)",
    "string_type": "text",
    "tuple_type": "a list",
    "finite_number": "a finite number",
    "none_required": "null",
}
_BOUNDS = {
    "greater_than": ("above {}", "gt"),
    "greater_than_equal": ("at least {}", "ge"),
    "less_than": ("below {}", "lt"),
    "less_than_equal": ("at most {}", "le"),
    "multiple_of": ("a multiple of {}", "multiple_of"),
    "string_too_short": ("text of at least {} character(s)", "min_length"),
}
_MEANT_TRUE = {"yes", "on", "y", "t", "1"}
_MEANT_FALSE = {"no", "off", "n", "f", "0"}
# How our own validators begin: "field: expected ..., got ..." (rlmm_tf.params and the configs).
_OWN_WORDS = re.compile(r"(?P<key>[a-z_][a-z0-9_.]*[*a-z0-9_]*): (?P<text>expected .*)", re.DOTALL)


class Finding(NamedTuple):
    """One problem of a key; `wanted` is set when it reads `expected {wanted}, {rest}`."""

    path: KeyPath
    wanted: str
    rest: str

    @property
    def text(self) -> str:
        """The message without the key."""
        return f"expected {self.wanted}, {self.rest}"


def problems_of(
    errors: Iterable[ErrorDetails], document: Document, model: type[BaseModel]
) -> list[Problem]:
    """One problem per key and cause, in the order of pydantic's findings."""
    findings: dict[tuple[KeyPath, str], Finding] = {}
    for error in errors:
        finding = _finding(error, document, model)
        if finding is None or _is_unreadable(finding.path, document):
            continue
        same = findings.get((finding.path, finding.rest))
        if same is not None:  # the members of a union, each with its own wish
            finding = finding._replace(wanted=f"{same.wanted} or {finding.wanted}")
        findings[finding.path, finding.rest] = finding
    return [_problem(finding, document) for finding in findings.values()]


def choice_problems(
    document: Document, choices: typing.Mapping[str, Sequence[str]], or_files: Collection[str]
) -> Iterator[Problem]:
    """Names that are not among the known ones; `choices` maps a top-level key to those.

    Values of the keys `or_files` may be files' paths as well.
    """
    for key, known in choices.items():
        value = document.value.get(key)
        if key in or_files and isinstance(value, str) and Path(value).is_file():
            continue
        if isinstance(value, str) and value not in known:
            rest = f"got {described(value)}{did_you_mean(value, known)}"
            wanted = f"one of {listed(known)}" if known else "a known name (there are none)"
            document.unreadable.add((key,))  # its type has nothing to add
            yield _problem(Finding((key,), wanted, rest), document)


def _is_unreadable(path: KeyPath, document: Document) -> bool:
    return any(path[:n] in document.unreadable for n in range(len(path) + 1))


def _problem(finding: Finding, document: Document) -> Problem:
    where = document.place(finding.path)
    dotted = dotted_key(finding.path)
    # An option or --set already names its key.
    if not dotted or finding.path in document.overridden:
        return Problem(where, finding.text)
    return Problem(where, f"{dotted}: {finding.text}")


def _finding(error: ErrorDetails, document: Document, model: type[BaseModel]) -> Finding | None:
    kind, value = error["type"], error["input"]
    path, parents, models = _resolve(error["loc"], document.value, model)
    context = error.get("ctx", {})
    match kind:
        case "extra_forbidden":
            finding: Finding | None = _unknown_key(path, parents, model)
        case "missing":
            finding = _missing(path, value)
        case "too_short" | "too_long":
            finding = _wrong_length(path, context, value)
        case "union_tag_invalid" | "union_tag_not_found":
            finding = _wrong_tag(path, context, value, models)
        case "value_error" | "assertion_error":
            finding = _own_words(path, error["msg"].partition(", ")[2], value)
        case _:
            finding = _wrong_value(path, error, value, context)
    return finding


def _wrong_value(
    path: KeyPath, error: ErrorDetails, value: Any, context: dict[str, Any]
) -> Finding:
    kind = error["type"]
    hint = _hint(kind, value)
    if kind in _BOUNDS:
        template, name = _BOUNDS[kind]
        wanted = template.format(_bound(context[name]))
    elif kind == "literal_error":
        wanted = context["expected"]
        if isinstance(value, str):
            hint = did_you_mean(value, re.findall(r"'([^']*)'", wanted))
    else:
        wanted = _WANTED.get(kind) or error["msg"].removeprefix("Input should be ")
    return Finding(path, wanted, f"got {described(value)}{hint}")


def _hint(kind: str, value: Any) -> str:
    if value is None and kind in ("model_type", "dict_type", "tuple_type", "list_type"):
        return "; remove the line to keep the defaults"
    if kind == "string_type" and isinstance(value, int | float):
        return f"; write it in quotes: '{described(value)}'"
    if not isinstance(value, str):
        return ""
    if kind == "bool_type" and value.lower() in _MEANT_TRUE | _MEANT_FALSE | {"true", "false"}:
        return f"; write {str(value.lower() in _MEANT_TRUE | {'true'}).lower()}"
    looks_numeric = re.fullmatch(r"[-+]?[0-9.]{1,40}([eE][-+]?\d+)?", value)
    if kind in ("int_type", "float_type") and looks_numeric:
        return "; write it without quotes and leading zeros"
    return ""


def _bound(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return str(int(value))
    return repr(value)


def _unknown_key(path: KeyPath, models: Models, root: type[BaseModel]) -> Finding:
    name = str(path[-1])
    siblings = [field for model in models for field in model.model_fields]
    match = closest(name, siblings)
    if match is not None:
        best = dotted_key((*path[:-1], match))
        return Finding(path, "a known key", f"got {described(name)}; did you mean {best}?")
    elsewhere = list(_paths_named(name, (root,), (), 0))
    if elsewhere and path not in elsewhere:  # else it belongs to another kind of this section
        places = listed(map(dotted_key, elsewhere[:3]))
        return Finding(path, "a known key", f"got {described(name)}; did you mean {places}?")
    return Finding(path, f"one of {listed(siblings)}", f"got {described(name)}")


def _missing(path: KeyPath, value: Any) -> Finding:
    if path and isinstance(path[-1], int):
        n_given = len(value) if isinstance(value, list) else 0
        return Finding(path[:-1], f"at least {_items(path[-1] + 1)}", f"got {n_given}")
    return Finding(path, "a value", "got none; this key has no default")


def _wrong_length(path: KeyPath, context: dict[str, Any], value: Any) -> Finding | None:
    n_given = len(value)
    low, high = context.get("min_length"), context.get("max_length")
    if low is not None and n_given >= low:
        return None  # pydantic counts the good items only, and the bad ones are reported anyway
    if low is not None:
        return Finding(path, f"at least {_items(low)}", f"got {n_given}")
    return Finding(path, f"at most {_items(high or 0)}", f"got {n_given}")


def _items(n: int) -> str:
    return f"{n} item{'s' * (n != 1)}"


def _wrong_tag(path: KeyPath, context: dict[str, Any], value: Any, models: Models) -> Finding:
    # pydantic says 'kind' for a field, kind() for a function of the same name that has a default.
    key = str(context["discriminator"]).strip("'").removesuffix("()")
    known = [
        str(tag)
        for model in models
        if key in model.model_fields
        for tag in _literals(model.model_fields[key].annotation)
    ]
    here = (*path, key)
    if "tag" not in context:
        return Finding(here, listed(map(repr, known)), "got none; this key has no default")
    tag = value.get(key) if isinstance(value, dict) else context["tag"]
    hint = did_you_mean(tag, known) if isinstance(tag, str) else ""
    return Finding(here, listed(map(repr, known)), f"got {described(tag)}{hint}")


def _own_words(path: KeyPath, text: str, value: Any) -> Finding:
    match = _OWN_WORDS.fullmatch(text)
    if match is not None:
        path = (*path, *match["key"].split("."))
        text = match["text"]
    if text.startswith("expected ") and ", " in text:
        wanted, _, rest = text.removeprefix("expected ").partition(", ")
        return Finding(path, wanted, rest)
    if text.startswith("expected "):
        return Finding(path, text.removeprefix("expected "), f"got {described(value)}")
    return Finding(path, "a valid value", shown(text))


def _resolve(
    loc: tuple[int | str, ...], value: Any, model: type[BaseModel]
) -> tuple[KeyPath, Models, Models]:
    """The path in the user's file, the models that hold its last key, and those that it holds.

    pydantic's location also names the member of a union that it tried; the file has no such key.
    """
    path: KeyPath = ()
    parents: Models = ()
    models: Models = (model,)
    for part in loc:
        if isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        elif isinstance(value, dict) and (part in value or not _is_tag(part, models)):
            parents, models = models, _models_below(part, models)
            value = value.get(part)
        else:
            models = tuple(m for m in models if _has_tag(m, part)) or models
            continue
        path = (*path, part)
    return path, parents, models


def _models_below(part: int | str, models: Models) -> Models:
    holders = [model for model in models if part in model.model_fields]
    if not holders:
        return models  # a key of a dict of models
    annotations = [model.model_fields[str(part)].annotation for model in holders]
    return tuple(found for annotation in annotations for found in models_in(annotation))


def _is_tag(part: int | str, models: Models) -> bool:
    return any(_has_tag(model, part) for model in models)


def _has_tag(model: type[BaseModel], part: int | str) -> bool:
    tags = [t for field in model.model_fields.values() for t in _literals(field.annotation)]
    return part == model.__name__ or part in tags


def _literals(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def models_in(annotation: Any) -> Models:
    """The model classes that an annotation mentions (through unions, lists and Annotated)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    if get_origin(annotation) is Literal:
        return ()
    if get_origin(annotation) is not None or isinstance(annotation, UnionType):
        return tuple(found for part in get_args(annotation) for found in models_in(part))
    return ()


def _paths_named(name: str, models: Models, path: KeyPath, depth: int) -> Iterator[KeyPath]:
    """All places in the schema where a key of this exact name exists (lists are left out)."""
    for model in models:
        for key, field in model.model_fields.items():
            if key == name:
                yield (*path, key)
            if depth < 8 and get_origin(field.annotation) not in (tuple, list):
                yield from _paths_named(name, models_in(field.annotation), (*path, key), depth + 1)
