"""Tests on the past: a backtest on an archive file, and a replay of the whole loop step by step.

Here: reading an archive for a backtest, a clock that is moved through past days, the reports of both. Not
here: how a model is scored (``modelling``), what a job does (``graph``).
"""
