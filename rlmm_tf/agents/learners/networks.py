"""Multilayer perceptrons over one flat vector of weights.

A learner keeps all its weights in one variable: the optimiser is then a handful of large operations
instead of a dozen for each layer. The order is that of the engine's networks
(`rlmm_tf.env.rollout.layers_of`): of each layer the kernel (inputs x outputs, row major), then the
bias.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Activation = Literal["tanh", "relu", "silu"]

_ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "silu": tf.nn.silu,
}


def part_sizes(widths: Sequence[int]) -> list[int]:
    """Numbers in each kernel and bias of a network, in the order of the flat vector."""
    return [size for a, b in pairwise(widths) for size in (a * b, b)]


def forward(
    parts: Sequence[tf.Tensor], widths: Sequence[int], x: tf.Tensor, activation: Activation
) -> tf.Tensor:
    """The network's output for rows of inputs; the last layer is linear.

    Args:
        parts: kernels and biases as flat pieces, of `part_sizes(widths)` numbers.
        widths: input, hidden layers, output.
        x: (rows, inputs).
        activation: between the layers.
    """
    act = _ACTIVATIONS[activation]
    layers = list(pairwise(widths))
    for i, (n_inputs, n_outputs) in enumerate(layers):
        kernel = tf.reshape(parts[2 * i], (n_inputs, n_outputs))
        x = tf.nn.bias_add(tf.matmul(x, kernel), parts[2 * i + 1])
        if i + 1 < len(layers):
            x = act(x)
    return x


def stacked_forward(
    flat: tf.Tensor, widths: Sequence[int], x: tf.Tensor, activation: Activation
) -> tf.Tensor:
    """Outputs (networks, rows, outputs) of several networks for the same rows of inputs.

    Args:
        flat: (networks, weights), each row as `part_sizes(widths)` divides it.
        widths: input, hidden layers, output.
        x: (rows, inputs).
        activation: between the layers.
    """
    act = _ACTIVATIONS[activation]
    layers = list(pairwise(widths))
    parts = tf.split(flat, part_sizes(widths), axis=1)
    x = tf.broadcast_to(x, (flat.shape[0], *x.shape))
    for i, (n_inputs, n_outputs) in enumerate(layers):
        kernel = tf.reshape(parts[2 * i], (-1, n_inputs, n_outputs))
        x = tf.matmul(x, kernel) + parts[2 * i + 1][:, None, :]
        if i + 1 < len(layers):
            x = act(x)
    return x


def orthogonal_weights(
    widths: Sequence[int], generator: np.random.Generator, *, gain: float, last_gain: float
) -> NDArray[np.float32]:
    """Flat weights with orthogonal kernels and zero biases; the last layer has a gain of its own.

    The rows or columns of each kernel, whichever are fewer, are orthogonal and as long as the gain.
    """
    layers = list(pairwise(widths))
    parts: list[NDArray[np.float64]] = []
    for i, (n_inputs, n_outputs) in enumerate(layers):
        tall = generator.normal(size=(max(n_inputs, n_outputs), min(n_inputs, n_outputs)))
        q, r = np.linalg.qr(tall)
        q *= np.sign(np.diag(r))  # else the signs would depend on the factorisation
        kernel = q if n_inputs >= n_outputs else q.T
        parts += [kernel.ravel() * (last_gain if i + 1 == len(layers) else gain)]
        parts += [np.zeros(n_outputs)]
    return np.concatenate(parts).astype(np.float32)


def uniform_weights(widths: Sequence[int], generator: np.random.Generator) -> NDArray[np.float32]:
    """Flat weights and biases uniform within +-1 / sqrt(inputs)."""
    parts = []
    for n_inputs, n_outputs in pairwise(widths):
        bound = 1.0 / np.sqrt(n_inputs)
        parts.append(generator.uniform(-bound, bound, (n_inputs + 1) * n_outputs))
    return np.concatenate(parts).astype(np.float32)
