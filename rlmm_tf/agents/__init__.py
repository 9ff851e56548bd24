"""Agents: learned policies, closed-form baselines and exact optima."""
