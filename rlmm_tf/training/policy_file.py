"""A policy by itself, as a file: its spec, its weights and its normaliser."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from rlmm_tf.env import PolicySpec, PolicyWeights, make_policy
from rlmm_tf.training.tensor_file import packed, unpacked

_KIND = "rlmm policy 1"


def policy_bytes(spec: PolicySpec, weights: PolicyWeights) -> bytes:
    """What `policy_from` reads."""
    arrays = {
        field.name: values
        for field in fields(weights)
        if field.name != "spec" and (values := getattr(weights, field.name)) is not None
    }
    return packed(arrays, {"kind": _KIND, "spec": json.dumps(asdict(spec))})


def policy_from(raw: bytes, place: str) -> tuple[PolicySpec, PolicyWeights]:
    """Spec and weights.

    Raises:
        ValueError: this is no policy, or one that cannot act; the message begins with `place`.
    """
    arrays, texts = unpacked(raw, place)
    if texts.get("kind") != _KIND:
        raise ValueError(f"{place}: expected a policy ({_KIND}), got {texts.get('kind')!r}")
    try:
        values: dict[str, Any] = json.loads(texts["spec"])
        tuples = {name: tuple(v) for name, v in values.items() if isinstance(v, list)}
        spec = PolicySpec(**(values | tuples))
        weights = PolicyWeights.zeros(spec)
        for name, array in arrays.items():
            held = getattr(weights, name)
            if held is None:
                setattr(weights, name, array.astype(np.float64))
            else:
                held[...] = array
        make_policy(spec, weights)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{place}: expected a policy that can act, got none: {error}") from None
    return spec, weights
