"""Estimators, one a file: plain arrays in, estimates with standard errors and cautions out.

None reads files. Each can `simulate` from its own model, with the generator as an argument, so
that what was estimated can be recovered (`experiments/benchmarks/recovery.py`).
"""
