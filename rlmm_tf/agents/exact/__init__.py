"""Markets that can be solved exactly: the oracle for baselines, learned agents and the engine.

`model` states the problem, `closed_form` solves it by a matrix exponential where that is possible,
`evaluation` and `stepped` give the exact value of any policy in continuous time and in a stepped
simulator, `optimum` and `stepped_optimum` the best policy of each, `best_rule` the best member of a
family of simple rules.
"""
