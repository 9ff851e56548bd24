"""Calls of the extension that fit no signature, in the project's words.

pybind11 answers a missing, unknown or wrongly typed argument with a dump of all signatures. The
functions are wrapped once, where the extension is imported: a call that fits costs nothing but the
wrapper, and for one that does not the signature says what is wrong with it.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from rlmm_tf.messages import did_you_mean, shown

_DUMP = "arguments. The following argument types are supported"
_PLAIN: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "bool": ("True or False", lambda value: isinstance(value, bool | np.bool_)),
    "bytes": ("bytes", lambda value: isinstance(value, bytes)),
    "str": ("text", lambda value: isinstance(value, str)),
    "float": ("a number", lambda value: _is_number(value, whole=False)),
    "int": ("an integer", lambda value: _is_number(value, whole=True)),
    "None": ("None", lambda value: value is None),
}
# As pybind11 spells the plain types.
_SPELLINGS = {
    "typing.SupportsInt | typing.SupportsIndex": "int",
    "typing.SupportsFloat | typing.SupportsIndex": "float",
}
# How to come by what is wanted.
_REMEDIES = {"EnvParams": "; make it with rlmm_tf.env.engine_params"}


def word_refusals(module: ModuleType) -> None:
    """Wraps every function and method of the extension, in place."""
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    for holder in (module, *classes):
        for name, function in list(vars(holder).items()):
            bound = callable(function) and _signature(function) is not None
            if bound and (name == "__init__" or not name.startswith("_")):
                setattr(holder, name, _worded(function))


def _worded(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if _DUMP not in str(error):
                raise
        raise TypeError(refusal(function, args, kwargs)) from None

    return call


def refusal(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """What is wrong with a call that the function's one signature does not fit."""
    signature = _signature(function)
    assert signature is not None  # else it is not wrapped
    place = function.__name__
    if place == "__init__":
        place = type(args[0]).__name__
    unknown = [word for word in kwargs if word not in signature.parameters]
    if unknown:
        known = ", ".join(word for word in signature.parameters if word != "self")
        hint = did_you_mean(unknown[0], signature.parameters)
        return f"{place}: expected no argument but {known}, got {unknown[0]!r}{hint}"
    expected = f"{place}: expected a call like {place}{_plainly(signature)}"
    try:
        arguments = signature.bind_partial(*args, **kwargs).arguments
    except TypeError as error:
        return f"{expected}, got {error}"
    parameters = signature.parameters.items()
    missing = [w for w, p in parameters if p.default is p.empty and w not in arguments]
    if missing:
        return f"{expected}, got one without {' and '.join(missing)}"
    for word, value in arguments.items():
        wanted = _wanted(signature.parameters[word].annotation, value)
        if wanted:
            return f"{word}: expected {wanted[0]}, got {shown(value)}{wanted[1]}"
    return f"{expected}, got {shown({w: v for w, v in arguments.items() if w != 'self'})}"


def _wanted(annotation: str, value: Any) -> tuple[str, str] | None:
    """What the annotation says a value should be, and how to get it; None where it fits."""
    words, remedy = [], ""
    for spelt, plain in _SPELLINGS.items():
        annotation = annotation.replace(spelt, plain)
    for alternative in annotation.split(" | "):
        if alternative in _PLAIN:
            word, fits = _PLAIN[alternative]
        elif alternative.startswith("rlmm_tf._core."):
            word = alternative.rpartition(".")[2]
            remedy = _REMEDIES.get(word, "")
            word, fits = f"the engine's {word}", functools.partial(_is_of_class, word)
        else:
            return None  # arrays and the like: the extension's own gate has looked at them
        if fits(value):
            return None
        words.append(word)
    return " or ".join(dict.fromkeys(words)), remedy


def _is_number(value: Any, *, whole: bool) -> bool:
    if isinstance(value, bool | np.bool_):
        return False
    return hasattr(value, "__index__") or (not whole and isinstance(value, float | np.floating))


def _is_of_class(name: str, value: Any) -> bool:
    kind = type(value)
    return kind.__name__ == name and kind.__module__ == "rlmm_tf._core"


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """From the first line of pybind11's docstring; None where there is none, or several."""
    line = (getattr(function, "__doc__", None) or "").partition("\n")[0]
    try:
        (parsed,) = ast.parse(f"def {line}: ...").body
    except SyntaxError:
        return None
    if not isinstance(parsed, ast.FunctionDef):
        return None
    return _parameters(parsed.args)


def _parameters(arguments: ast.arguments) -> inspect.Signature | None:
    if arguments.vararg is not None or arguments.kwarg is not None:
        return None  # takes anything
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + [*arguments.defaults]
    named = list(zip(plain, defaults, strict=True))
    parameters = [
        _parameter(argument, default, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for argument, default in named
    ]
    parameters += [
        _parameter(argument, default, inspect.Parameter.KEYWORD_ONLY)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return inspect.Signature(parameters)


def _parameter(argument: ast.arg, default: ast.expr | None, kind: Any) -> inspect.Parameter:
    annotation = "" if argument.annotation is None else ast.unparse(argument.annotation)
    value = inspect.Parameter.empty if default is None else ast.literal_eval(default)
    return inspect.Parameter(argument.arg, kind, default=value, annotation=annotation)


def _plainly(signature: inspect.Signature) -> str:
    """Names only."""
    return str(
        signature.replace(
            parameters=[
                parameter.replace(annotation=inspect.Parameter.empty)
                for name, parameter in signature.parameters.items()
                if name != "self"
            ]
        )
    )
