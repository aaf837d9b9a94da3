"""The past as a test: a backtest on an archive, and a replay of the whole loop day by day.

Not here: how a model is scored (``modelling``).
"""
