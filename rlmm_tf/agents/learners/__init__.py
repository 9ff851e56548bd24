"""Learners: networks, losses and updates in TensorFlow. They see arrays, never an environment."""
