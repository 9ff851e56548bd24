"""What is wrong with values, in the project's words: `place: expected ..., got ...; remedy`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

# By pydantic's kind of error; braces hold what that says about it.
_WANTED = {
    "bool_type": "True or False",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "above {gt:.15g}",
    "greater_than_equal": "at least {ge:.15g}",
    "int_type": "an integer",
    "invalid_key": "a name",
    "less_than": "below {lt:.15g}",
    "less_than_equal": "at most {le:.15g}",
    "literal_error": "{expected}",
    "missing": "a value",
    "model_type": "values by name",
    "string_type": "text",
    "too_long": "at most {max_length} item(s)",
    "too_short": "at least {min_length} item(s)",
    "tuple_type": "a list or tuple",
}
_SHOWN_CHARACTERS_MAX = 80

Location = tuple[int | str, ...]
Models = tuple[type[BaseModel], ...]


def problem_lines(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """A line `place: expected ..., got ...` for each finding about values of the class `root`."""
    lines = [_problem_line(found, root) for found in error.errors(include_url=False)]
    return [line for line in lines if line]


def _problem_line(error: ErrorDetails, root: type[BaseModel]) -> str:
    """Empty for a mere echo of another finding."""
    kind, value = error["type"], error["input"]
    parts, holders = _resolved(error["loc"], root)
    place, context = _dotted(parts), error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_line(place, parts[-1], holders)
    if kind == "union_tag_invalid":
        known = str(context["expected_tags"]).replace("', '", "' or '")
        return f"{place}.kind: expected {known}, got {shown(context['tag'])}"
    if kind == "value_error":  # rlmm_tf.params: "field: expected ..., got ..."
        return f"{place}{'.' * bool(place)}{context['error']}"
    wanted, got = _wanted(error), shown(value)
    if kind == "missing":
        got = "none"
    elif kind in {"too_short", "too_long"}:
        if kind == "too_short" and len(value) >= context["min_length"]:
            return ""  # pydantic counts the good items only, and names the bad ones as well
        got = str(len(value))
    elif kind == "literal_error":
        got += did_you_mean(value, re.findall(r"'([^']*)'", wanted))
    return f"{place}: expected {wanted}, got {got}{_remedy(kind, value)}"


def _remedy(kind: str, value: Any) -> str:
    """What makes of the value what was wanted, for the two slips that numerical code makes."""
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"; write {int(value)}"
    return "; pass its tolist()" if kind.endswith("_type") and hasattr(value, "tolist") else ""


def _wanted(error: ErrorDetails) -> str:
    template = _WANTED.get(error["type"])
    if template is None:
        return error["msg"].removeprefix("Input should be ")
    return template.format(**error.get("ctx", {}))


def _unknown_line(place: str, name: Any, models: Models) -> str:
    known = list(dict.fromkeys(field for model in models for field in model.model_fields))
    hint = did_you_mean(name, known)
    return f"{place}: expected one of {', '.join(known)}, got {shown(name)}{hint}"


def _resolved(location: Location, root: type[BaseModel]) -> tuple[Location, Models]:
    """The location without the tags of unions, and the classes that hold its last part.

    pydantic also names the kind of a union's member that it tried; values have no such place.
    """
    parts: Location = ()
    holders: Models = (root,)
    below: Models = (root,)
    for part in location:
        tagged = tuple(model for model in below if len(below) > 1 and _kind(model) == part)
        if tagged:
            below = tagged
            continue
        parts, holders = (*parts, part), below
        if isinstance(part, str):  # an index stays with the class of the list's items
            fields = [model.model_fields[part] for model in below if part in model.model_fields]
            found = tuple(cls for field in fields for cls in _classes_in(field.annotation))
            below = found or below
    return parts, holders


def _kind(model: type[BaseModel]) -> Any:
    return model.model_fields["kind"].default if "kind" in model.model_fields else None


def _classes_in(annotation: Any) -> Models:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(found for part in get_args(annotation) for found in _classes_in(part))


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """`; did you mean ...?` if a known name is close, else nothing."""
    if not isinstance(name, str):
        return ""
    folded = {word.casefold(): word for word in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def _dotted(location: Location) -> str:
    """`a.b[0].c`; what is no plain name is escaped, so that a line stays a line."""
    text = ""
    for part in location:
        index = isinstance(part, int)
        text += f"[{part}]" if index else f"{'.' * bool(text)}{_cut(ascii(part)[1:-1])}"
    return text


def require_type(name: str, value: Any, expected: type | tuple[type, ...], remedy: str) -> None:
    """Raises a TypeError that names the argument unless the value is of that class."""
    if not isinstance(value, expected):
        kinds = expected if isinstance(expected, tuple) else (expected,)
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{name}: expected {wanted}, got {shown(value)}; {remedy}")


def shown(value: Any) -> str:
    """A value in one short line."""
    return _cut(repr(value).replace("\n", " "))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS_MAX else f"{text[: _SHOWN_CHARACTERS_MAX - 3]}..."
