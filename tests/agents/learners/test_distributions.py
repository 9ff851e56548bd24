"""Closed-form distributions against TensorFlow Probability's, in float64."""

from __future__ import annotations

import numpy as np
import pytest

tfp = pytest.importorskip("tensorflow_probability")
import tensorflow as tf  # noqa: E402  (TFP first: it keeps its layers lazy)

from rlmm_tf.agents.learners import distributions  # noqa: E402

tfd, tfb = tfp.distributions, tfp.bijectors


@pytest.fixture
def drawn() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Numbers up to 20 standard deviations out, means, log standard deviations from -10 to 2."""
    generator = np.random.default_rng(3)
    mean = generator.normal(size=(500, 3))
    log_std = generator.uniform(-10.0, 2.0, size=(500, 3))
    u = mean + np.exp(log_std) * generator.uniform(-20.0, 20.0, size=(500, 3))
    return tuple(tf.constant(each) for each in (np.clip(u, -20.0, 20.0), mean, log_std))


def test_gaussian(drawn: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> None:
    u, mean, log_std = drawn
    oracle = tfd.MultivariateNormalDiag(mean, tf.exp(log_std))
    np.testing.assert_allclose(
        distributions.gaussian_log_prob(u, mean, log_std), oracle.log_prob(u), rtol=1e-10
    )
    np.testing.assert_allclose(
        distributions.gaussian_entropy(log_std), oracle.entropy(), rtol=1e-10
    )


def test_squashed_gaussian(drawn: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> None:
    u, mean, log_std = drawn
    plain = tfd.MultivariateNormalDiag(mean, tf.exp(log_std))
    slope = tfb.Tanh().forward_log_det_jacobian(u, event_ndims=1)
    np.testing.assert_allclose(
        distributions.squashed_log_prob(u, mean, log_std), plain.log_prob(u) - slope, rtol=1e-10
    )


def test_the_slope_is_finite_and_has_a_gradient_where_the_squash_saturates() -> None:
    u = tf.constant([-50.0, -20.0, 0.0, 20.0, 50.0])
    with tf.GradientTape() as tape:
        tape.watch(u)
        slope = distributions.tanh_log_slope(u)
    gradient = tape.gradient(slope, u)
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(gradient, -2.0 * np.tanh(u), atol=1e-6)
    assert slope[2] == 0.0


def test_categorical() -> None:
    generator = np.random.default_rng(4)
    choices = (3, 5)
    logits = tf.constant(generator.normal(scale=3.0, size=(200, 8)))
    actions = np.stack([generator.integers(0, k, 200) for k in choices], axis=1)
    oracles = [tfd.Categorical(part) for part in tf.split(logits, choices, axis=-1)]
    expected = sum(o.log_prob(actions[:, i]).numpy() for i, o in enumerate(oracles))
    np.testing.assert_allclose(
        distributions.categorical_log_prob(logits, choices, tf.constant(actions)),
        expected,
        rtol=1e-10,
    )
    np.testing.assert_allclose(
        distributions.categorical_entropy(logits, choices),
        sum(o.entropy().numpy() for o in oracles),
        rtol=1e-10,
    )
