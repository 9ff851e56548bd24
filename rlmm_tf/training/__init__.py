"""Training: what joins environments and learners, from random weights to an evaluated policy."""
